#pragma once

#include <functional>
#include <string>

namespace Leasehold
{

/// Draws 128 bits from the operating system and writes them as 32 hexadecimal digits. Each call asks the system anew: no
/// buffer, so a forked child never repeats its parent's tokens. Throws LockException if the system gives none.
std::string drawToken();

/// Where owner tokens come from. Replaceable from code only, for tests: a repeated token is two holders.
struct TokenPolicy
{
    std::function<std::string()> draw = drawToken;

    /// Throws LockConfigurationError if `draw` is empty.
    void validate() const;
};

} // namespace Leasehold
