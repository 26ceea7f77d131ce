#include "Route.h"

#include "EngineFailure.h"

#include <algorithm>
#include <initializer_list>

#include <Poco/Exception.h>
#include <Poco/NumberParser.h>
#include <Poco/String.h>
#include <Poco/URI.h>

namespace Leasehold::Fake
{

namespace
{

std::string decoded(const std::string& text, bool plusIsSpace)
{
    std::string result;
    try
    {
        Poco::URI::decode(text, result, plusIsSpace);
    }
    catch (const Poco::Exception&)
    {
        // What an engine says to it, whatever the method.
        throw plainFailure(405, "Unexpected HTTP method");
    }
    return cleaned(result);
}

std::vector<std::string> split(const std::string& text, char separator)
{
    std::vector<std::string> parts;
    std::size_t start = 0;
    for (;;)
    {
        const auto end = text.find(separator, start);
        parts.push_back(text.substr(start, end == std::string::npos ? end : end - start));
        if (end == std::string::npos)
            return parts;
        start = end + 1;
    }
}

std::map<std::string, std::string> queryOf(const std::string& text)
{
    std::map<std::string, std::string> query;
    for (const auto& pair : split(text, '&'))
    {
        const auto equals = pair.find('=');
        const auto name = decoded(pair.substr(0, equals), true);
        const auto value = equals == std::string::npos ? std::string() : decoded(pair.substr(equals + 1), true);
        // Where there is no name, engines take the value for one.
        if (!name.empty())
            query[name] = value;
        else if (!value.empty())
            query[value] = {};
    }
    return query;
}

const std::set<std::string>& knownParameters(Route::Kind kind)
{
    static const std::map<Route::Kind, std::set<std::string>> known{
        {Route::Kind::root, {}},
        {Route::Kind::createIndex, {"timeout", "master_timeout", "wait_for_active_shards"}},
        {Route::Kind::describeIndex, {"local", "master_timeout", "ignore_unavailable", "allow_no_indices", "expand_wildcards"}},
        {Route::Kind::deleteIndex, {"timeout", "master_timeout", "ignore_unavailable", "allow_no_indices", "expand_wildcards"}},
        {Route::Kind::refresh, {"ignore_unavailable", "allow_no_indices", "expand_wildcards"}},
        {Route::Kind::search, {"allow_partial_search_results"}},
        {Route::Kind::update, {"timeout", "retry_on_conflict", "require_alias", "_source", "_source_includes", "refresh"}},
        {Route::Kind::bulk, {"timeout", "require_alias", "_source", "_source_includes", "refresh"}},
        {Route::Kind::document, {"timeout", "refresh"}}};
    return known.at(kind);
}

bool isTime(const std::string& text)
{
    if (text.starts_with('-'))
        return isTime(text.substr(1));
    const auto digits = text.find_first_not_of("0123456789");
    const auto unit = digits == std::string::npos ? std::string() : text.substr(digits);
    static const std::set<std::string> units{"nanos", "micros", "ms", "s", "m", "h", "d"};
    return digits != 0 && (units.contains(unit) || text == "0");
}

} // namespace

Route::Route(const Request& request)
{
    const auto question = request.target.find('?');
    _path = request.target.substr(0, question);
    if (question != std::string::npos)
        _query = queryOf(request.target.substr(question + 1));

    // A type of content matters only where there is content.
    if (!request.body.empty())
    {
        const auto type = Poco::toLower(Poco::trim(request.contentType.substr(0, request.contentType.find(';'))));
        if (type != "application/json" && type != "application/x-ndjson")
            throw plainFailure(406, "Content-Type header [" + request.contentType + "] is not supported");
    }
    auto parts = split(_path, '/');
    if (parts.size() > 1 && parts.front().empty())
        parts.erase(parts.begin());
    for (const auto& part : parts)
        _segments.push_back(decoded(part, false));
    find(request.method);
    checkParameters();
}

void Route::find(const std::string& method)
{
    const auto& first = _segments.front();
    if (_segments.size() == 1 && first.empty())
    {
        allow(method, {"GET", "HEAD"});
        _kind = Kind::root;
        return;
    }
    if (_segments.size() == 1 && first == "_bulk")
    {
        allow(method, {"POST", "PUT"});
        _kind = Kind::bulk;
        return;
    }
    // PUT alone is told that a name is no name for an index.
    if (first.starts_with('_') && !(_segments.size() == 1 && method == "PUT"))
        throw unsupported("the path " + _path);
    if (first.find_first_of(",*<>") != std::string::npos)
        throw unsupported("expressions for several indices");
    _index = first;
    if (_segments.size() == 1)
    {
        allow(method, {"GET", "HEAD", "PUT", "DELETE"});
        _kind = method == "PUT" ? Kind::createIndex : method == "DELETE" ? Kind::deleteIndex : Kind::describeIndex;
        return;
    }
    findInIndex(method);
}

void Route::findInIndex(const std::string& method)
{
    const auto noHandler = [&] { return plainFailure(400, "no handler found for uri [" + _path + "] and method [" + method + "]"); };
    const auto& what = _segments[1];
    if (_segments.size() == 2 && what == "_bulk")
    {
        allow(method, {"POST", "PUT"});
        _kind = Kind::bulk;
    }
    else if (_segments.size() == 2 && what == "_refresh")
    {
        allow(method, {"GET", "POST"});
        _kind = Kind::refresh;
    }
    else if (_segments.size() == 2 && what == "_search")
    {
        allow(method, {"GET", "POST"});
        _kind = Kind::search;
    }
    else if (_segments.size() == 3 && (what == "_update" || what == "_doc"))
    {
        _id = _segments[2];
        if (_id.empty())
            throw noHandler();
        _kind = what == "_doc" ? Kind::document : Kind::update;
        if (_kind == Kind::update)
            allow(method, {"POST"});
        else
            allow(method, {"GET", "HEAD", "PUT", "POST", "DELETE"});
    }
    else if (_segments.size() > 3 && !what.starts_with('_'))
        throw noHandler();
    else
        throw unsupported("the path " + _path);
}

void Route::allow(const std::string& method, std::initializer_list<const char*> methods) const
{
    if (std::none_of(methods.begin(), methods.end(), [&method](const char* one) { return method == one; }))
        throw plainFailure(405, "Incorrect HTTP method for uri [" + _path + "] and method [" + method + "]");
}

std::string Route::parameter(const std::string& name) const
{
    const auto place = _query.find(name);
    return place == _query.end() ? std::string() : place->second;
}

// The values that are read before the body is.
void Route::checkParameters() const
{
    const auto& known = knownParameters(_kind);
    for (const auto& [name, value] : _query)
    {
        if (!known.contains(name))
            continue;
        if ((name == "timeout" || name == "master_timeout") && !isTime(value))
            throw failure(400, "illegal_argument_exception", "failed to parse setting [" + name + "] with value [" + value + "]");
        int number = 0;
        if (name == "retry_on_conflict" && !Poco::NumberParser::tryParse(value, number))
            throw failure(400, "illegal_argument_exception", "Failed to parse int parameter [" + name + "] with value [" + value + "]",
                          object({{"type", "number_format_exception"}, {"reason", "no number"}}));
        const bool isFlag = name == "require_alias" || name == "allow_partial_search_results" || name == "local" ||
                            name == "ignore_unavailable" || name == "allow_no_indices";
        if (isFlag && value != "true" && value != "false" && !value.empty())
            throw failure(400, "illegal_argument_exception",
                          "Failed to parse value [" + value + "] as only [true] or [false] are allowed.");
        if (name == "refresh" && value != "true" && value != "false" && !value.empty())
            throw unsupported("this refresh");
    }
}

void Route::requireKnownParameters() const
{
    static const std::set<std::string> everywhere{"filter_path", "pretty", "human", "error_trace"};
    for (const auto& [name, value] : _query)
    {
        if (!everywhere.contains(name) && !knownParameters(_kind).contains(name))
            throw failure(400, "illegal_argument_exception", "request [" + _path + "] contains unrecognized parameter: [" + name + "]");
    }
}

std::string Route::filterPathOf(const Request& request)
{
    const auto question = request.target.find('?');
    if (question == std::string::npos)
        return {};
    try
    {
        const auto query = queryOf(request.target.substr(question + 1));
        const auto place = query.find("filter_path");
        return place == query.end() ? std::string() : place->second;
    }
    catch (const Failure&)
    {
        return {};
    }
}

} // namespace Leasehold::Fake
