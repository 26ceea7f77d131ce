#pragma once

#include "Leasehold/printable.h"

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>

#include <string>

namespace Leasehold::Net
{

/// The exception's name, and its message if our socket wrote it and it says more. POCO's parsers put bytes of the server into theirs.
inline std::string describe(const Poco::Exception& problem)
{
    const bool ours = dynamic_cast<const Poco::Net::NetException*>(&problem) != nullptr &&
                      dynamic_cast<const Poco::Net::MessageException*>(&problem) == nullptr;
    const bool says = ours && !problem.message().empty() && problem.message() != problem.name();
    return problem.name() + (says ? " (" + printable(problem.message()) + ")" : std::string());
}

} // namespace Leasehold::Net
