#include "HolderText.h"

#include "JsonNumbers.h"

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

/// The text without control characters: who writes the metadata must not be able to move the cursor of a terminal that shows it.
std::string withoutControls(std::string text)
{
    for (std::size_t at = 0; at < text.size(); ++at)
    {
        const auto byte = static_cast<unsigned char>(text[at]);
        const bool second = at > 0 && static_cast<unsigned char>(text[at - 1]) == 0xC2; // U+0080 to U+009F have two bytes
        if (byte < 0x20 || byte == 0x7F)
            text[at] = '?';
        else if (second && byte >= 0x80 && byte < 0xA0)
            text.replace(at - 1, 2, "?");
    }
    return text;
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
        who = withoutControls(describeMetadata(holder.metadata));
    }
    catch (const Poco::Exception&) // foreign metadata that is no JSON object: the rest still helps
    {
        who = "another (unreadable metadata)";
    }
    const Poco::Timestamp since(std::chrono::duration_cast<std::chrono::microseconds>(holder.acquiredAt.time_since_epoch()).count());
    return "held by " + who + " since " + Poco::DateTimeFormatter::format(since, "%Y-%m-%d %H:%M:%S UTC") + ", at most " +
           Poco::NumberFormatter::format(static_cast<double>(holder.remaining.count()) / 1000.0, 1) + " s more";
}

} // namespace Leasehold
