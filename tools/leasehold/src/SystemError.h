#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace Leasehold::Tool
{

/// Throws for a system call that failed, by errno. `what` says what could not be done.
[[noreturn]] inline void throwSystemError(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace Leasehold::Tool
