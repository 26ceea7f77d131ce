#pragma once

#include "Leasehold/printable.h"

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>

#include <string>

namespace Leasehold::Net
{

/// The exception's name, and its message where our own socket wrote it: POCO's parsers put bytes of the server into theirs.
inline std::string describe(const Poco::Exception& problem)
{
    const bool ours = dynamic_cast<const Poco::Net::NetException*>(&problem) != nullptr &&
                      dynamic_cast<const Poco::Net::MessageException*>(&problem) == nullptr && !problem.message().empty();
    return problem.name() + (ours ? " (" + printable(problem.message()) + ")" : std::string());
}

} // namespace Leasehold::Net
