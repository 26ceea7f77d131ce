#pragma once

#include <exception>
#include <string>

namespace Leasehold
{

/// The message of the exception that is being handled, for the end of another message. Call it inside a catch only.
inline std::string describeCurrentException()
{
    try
    {
        throw;
    }
    catch (const std::exception& exception)
    {
        return exception.what();
    }
    catch (...)
    {
        return "something that is no std::exception";
    }
}

} // namespace Leasehold
