#include "FilterPath.h"

#include "EngineFailure.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <Poco/Glob.h>
#include <Poco/StringTokenizer.h>

namespace Leasehold::Fake
{

namespace
{

using Path = std::vector<std::string>;

/// A path and the number of its keys that were matched so far.
struct Walk
{
    const Path* path = nullptr;
    std::size_t at = 0;
};

/// In the engines only `*` is a wildcard.
Poco::Glob globOf(const std::string& pattern)
{
    std::string escaped;
    for (const char character : pattern)
    {
        if (std::string_view("?[]\\").find(character) != std::string_view::npos)
            escaped += '\\';
        escaped += character;
    }
    return Poco::Glob(escaped);
}

bool matches(const std::string& pattern, const std::string& key)
{
    return pattern == key || pattern == "*" || (pattern.find('*') != std::string::npos && globOf(pattern).match(key));
}

/// Empty: nothing is left.
Value kept(const Value& value, const std::vector<Walk>& walks)
{
    if (isArray(value))
    {
        Array left = array();
        for (const auto& element : *value.extract<Array>())
        {
            if (const auto rest = kept(element, walks); !rest.isEmpty())
                left->add(rest);
        }
        return left->size() > 0 ? Value(left) : Value();
    }
    if (!isObject(value))
        return {};
    Object left = object();
    for (const auto& [key, inner] : *value.extract<Object>())
    {
        std::vector<Walk> further;
        bool whole = false;
        for (const auto& walk : walks)
        {
            if (!matches((*walk.path)[walk.at], key))
                continue;
            whole = whole || walk.at + 1 == walk.path->size();
            further.push_back({walk.path, walk.at + 1});
        }
        const auto rest = whole ? inner : further.empty() ? Value() : kept(inner, further);
        if (whole || !rest.isEmpty())
            left->set(key, rest);
    }
    return left->size() > 0 ? Value(left) : Value();
}

} // namespace

Object filtered(const Object& whole, const std::string& paths)
{
    std::vector<Path> wanted;
    for (const auto& text : Poco::StringTokenizer(paths, ",", Poco::StringTokenizer::TOK_TRIM | Poco::StringTokenizer::TOK_IGNORE_EMPTY))
    {
        if (text.front() == '-' || text.find("**") != std::string::npos)
            throw unsupported("the filter_path " + text);
        const Poco::StringTokenizer keys(text, ".", Poco::StringTokenizer::TOK_IGNORE_EMPTY);
        if (keys.count() > 0)
            wanted.emplace_back(keys.begin(), keys.end());
    }
    if (wanted.empty())
        return whole;
    std::vector<Walk> walks;
    std::transform(wanted.begin(), wanted.end(), std::back_inserter(walks), [](const Path& path) { return Walk{&path, 0}; });
    const auto left = kept(whole, walks);
    return isObject(left) ? left.extract<Object>() : object();
}

} // namespace Leasehold::Fake
