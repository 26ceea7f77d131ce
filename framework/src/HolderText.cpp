#include "HolderText.h"

#include "JsonNumbers.h"
#include "Leasehold/printable.h"

#include <Poco/DateTimeFormatter.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <Poco/NumberFormatter.h>
#include <Poco/Timestamp.h>

#include <vector>

namespace Leasehold
{
namespace
{

std::string entry(const Poco::JSON::Object& metadata, const char* key)
{
    const auto value = metadata.get(key);
    return value.isString() || value.isNumeric() ? value.convert<std::string>() : std::string();
}

std::string describeMetadata(const std::string& json)
{
    if (oversizedWholeNumber(json))
        throw Poco::DataFormatException("a number that the parser takes for another");
    Poco::JSON::Parser parser;
    const auto metadata = parser.parse(json).extract<Poco::JSON::Object::Ptr>();
    std::string details;
    for (const char* key : {"pid", "user", "command"})
        if (const auto value = entry(*metadata, key); !value.empty())
            details += std::string(details.empty() ? "" : ", ") + key + " " + value;
    const auto host = entry(*metadata, "host");
    if (host.empty() && details.empty())
        return metadata->size() == 0 ? std::string("another") : "another, who says " + json;
    return (host.empty() ? "another" : host) + (details.empty() ? "" : " (" + details + ")");
}

} // namespace

std::string describeHolder(const LockRecord& holder)
{
    std::string who = "another";
    try
    {
        who = printable(describeMetadata(holder.metadata));
    }
    catch (const Poco::Exception&) // foreign metadata that is not a JSON object: the message is useful without it
    {
        who = "another (unreadable metadata)";
    }
    const Poco::Timestamp since(std::chrono::duration_cast<std::chrono::microseconds>(holder.acquiredAt.time_since_epoch()).count());
    return "held by " + who + " since " + Poco::DateTimeFormatter::format(since, "%Y-%m-%d %H:%M:%S UTC") +
           (holder.broken ? "; it is broken: the lease ends in " : "; the lease ends in ") + describeSpan(holder.remaining) +
           (holder.broken ? " and cannot be renewed" : " unless it is renewed");
}

std::string describeSpan(std::chrono::nanoseconds span)
{
    return Poco::NumberFormatter::format(std::chrono::duration<double>(span).count(), 1) + " s";
}

} // namespace Leasehold
