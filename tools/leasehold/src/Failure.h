#pragma once

#include <exception>
#include <string>

namespace Leasehold::Tool
{

/// What an exception means for the user of the program.
struct Failure
{
    int status = 0; ///< an ExitStatus
    std::string message{};

    static Failure of(const std::exception_ptr& exception);
};

} // namespace Leasehold::Tool
