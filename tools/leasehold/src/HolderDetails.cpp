#include "HolderDetails.h"

#include "Leasehold/Metadata.h"
#include "Leasehold/printable.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

namespace Leasehold::Tool
{

namespace
{

std::string entry(const Poco::JSON::Object& metadata, const char* key)
{
    const auto value = metadata.get(key);
    return value.isString() || value.isNumeric() ? printable(value.convert<std::string>()) : std::string();
}

} // namespace

HolderDetails HolderDetails::of(const LockRecord& record)
{
    try
    {
        Poco::JSON::Parser parser; // misreads some numbers: Metadata refuses those
        const auto metadata = parser.parse(Metadata::fromJSON(record.metadata).json()).extract<Poco::JSON::Object::Ptr>();
        return {entry(*metadata, "host"), entry(*metadata, "pid"), entry(*metadata, "user"), entry(*metadata, "command")};
    }
    catch (const Poco::Exception&) // foreign metadata that is no JSON object: the rest of the record still helps
    {
        return {};
    }
}

std::string HolderDetails::text() const
{
    std::string details;
    const auto add = [&details](const std::string& label, const std::string& value)
    {
        if (!value.empty())
            details.append(details.empty() ? "" : ", ").append(label).append(value);
    };
    add("pid ", pid);
    add("user ", user);
    add("", command);
    return (host.empty() ? "another" : host) + (details.empty() ? "" : " (" + details + ")");
}

} // namespace Leasehold::Tool
