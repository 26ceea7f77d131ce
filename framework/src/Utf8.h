#pragma once

#include <optional>
#include <string_view>

namespace Leasehold
{

/// Removes the first character from `rest`, which must not be empty, and returns it. Returns nullopt and leaves `rest` unchanged if it is
/// not UTF-8 of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
std::optional<char32_t> takeCharacter(std::string_view& rest);

bool isUtf8(std::string_view text);

inline bool isPrintableAscii(char each)
{
    return each >= 0x20 && each < 0x7F;
}

/// U+0000 to U+001F and U+007F to U+009F.
inline bool isControl(char32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

} // namespace Leasehold
