#pragma once

#include <optional>
#include <string_view>

namespace Leasehold
{

/// The first whole number in a JSON text that 64 bits do not hold (it is beyond -2^63 to 2^64 - 1), as it is written there.
/// POCO's parser refuses some of them, and takes others for another number without a word: 2^64 for 0, 2^64 + 1 for 1,
/// -2^63 - 1 for -2^63 (1.11.0). The text need not be JSON; the parser says that. Pure; any thread.
std::optional<std::string_view> oversizedWholeNumber(std::string_view json);

} // namespace Leasehold
