#pragma once

#include "Leasehold/Export.h"

#include <concepts>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>

namespace Leasehold
{

/// Makes foreign text safe to show on a terminal and in a line of a log: names, metadata and reasons that came from a storage.
///
/// The result is one line of UTF-8. A '?' stands for each control character (U+0000 to U+001F, so line breaks and tabs too, and
/// U+007F to U+009F), for each character that changes the order of the text around it (U+202A to U+202E, U+2066 to U+2069), for the
/// separators U+2028 and U+2029, and for each byte that is not part of UTF-8. All other text is unchanged. Pure; any thread.
LEASEHOLD_EXPORT std::string printable(std::string_view text);

/// Writes what `toString(value)` says, for each of our types that has a toString: LossReason, BreakMode, LockRecord, StoreInfo, the
/// statuses of a store and more.
template <typename Value>
requires(std::is_enum_v<Value> || std::is_class_v<Value>) && requires(const Value& value)
{
    {
        toString(value)
        } -> std::convertible_to<std::string_view>;
}
std::ostream& operator<<(std::ostream& stream, const Value& value)
{
    return stream << std::string_view(toString(value));
}

} // namespace Leasehold
