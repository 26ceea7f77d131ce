#include "fuzzing.h"

#include <algorithm>
#include <stdexcept>

namespace Leasehold::Fuzz
{

void require(bool holds, const std::string& what)
{
    if (!holds)
        throw std::logic_error("this must hold for any input, and does not: " + what);
}

void requireReadable(const std::string& message)
{
    require(!message.empty() && message.size() < 20'000,
            "a message is neither empty nor endless, but this has " + std::to_string(message.size()) + " characters");
    const bool clean =
        std::none_of(message.begin(), message.end(), [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f; });
    require(clean, "a message has no control characters: " + message);
}

} // namespace Leasehold::Fuzz
