#include "EngineVersion.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <utility>

namespace Leasehold::Elasticsearch
{

namespace
{

/// Only these characters, because a terminal shows the text and must not execute it.
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
        const auto distribution = version->optValue<std::string>("distribution", "Elasticsearch"); // Elasticsearch sends no distribution
        if (!isPlain(number) || !isPlain(distribution))
            return {};
        return (distribution == "opensearch" ? "OpenSearch" : distribution) + " " + number;
    }
    catch (const Poco::Exception&)
    {
        return {};
    }
}

bool isTooOld(const std::string& version)
{
    int major = 0, minor = 0;
    if (std::sscanf(version.c_str(), "Elasticsearch %d.%d", &major, &minor) == 2)
        return std::pair(major, minor) < std::pair(7, 10);
    if (std::sscanf(version.c_str(), "OpenSearch %d.%d", &major, &minor) == 2)
        return std::pair(major, minor) < std::pair(1, 3);
    return false;
}

} // namespace Leasehold::Elasticsearch
