#include "EngineVersion.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <algorithm>
#include <cctype>

namespace Leasehold
{

namespace
{

/// What is shown on a terminal must not command it.
bool isPlain(const std::string& text)
{
    constexpr std::size_t longest = 100;
    return !text.empty() && text.size() <= longest &&
           std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '+'; });
}

} // namespace

std::string engineVersion(const std::string& body)
{
    try
    {
        const auto page = Poco::JSON::Parser().parse(body).extract<Poco::JSON::Object::Ptr>();
        const auto version = page->getObject("version");
        if (!version)
            return {};
        const auto number = version->optValue<std::string>("number", {});
        const auto distribution = version->optValue<std::string>("distribution", "Elasticsearch"); // which does not name itself
        if (!isPlain(number) || !isPlain(distribution))
            return {};
        return (distribution == "opensearch" ? "OpenSearch" : distribution) + " " + number;
    }
    catch (const Poco::Exception&)
    {
        return {};
    }
}

} // namespace Leasehold
