#include "SourceFilter.h"

#include "EngineFailure.h"

#include <Poco/StringTokenizer.h>

namespace Leasehold::Fake
{

bool isWhole(const Value& wanted)
{
    return wanted.isEmpty() || (wanted.isBoolean() && wanted.convert<bool>()) || (isArray(wanted) && wanted.extract<Array>()->size() == 0);
}

Object shownSource(const Value& wanted, const Object& source)
{
    if (isWhole(wanted))
        return source;
    if (wanted.isBoolean())
        return {};
    Array names;
    if (isText(wanted))
        names = array({wanted});
    else if (isArray(wanted))
        names = wanted.extract<Array>();
    else
        throw unsupported("this kind of _source");
    auto shown = object();
    for (const auto& name : *names)
    {
        if (!isText(name) || name.extract<std::string>().find_first_of("*.") != std::string::npos)
            throw unsupported("this kind of _source");
        if (source->has(name.extract<std::string>()))
            shown->set(name.extract<std::string>(), source->get(name.extract<std::string>()));
    }
    return shown;
}

Value sourceFromQuery(const std::string& text)
{
    if (text == "true" || text == "false")
        return text == "true";
    auto names = array();
    for (const auto& name : Poco::StringTokenizer(text, ",", Poco::StringTokenizer::TOK_TRIM | Poco::StringTokenizer::TOK_IGNORE_EMPTY))
        names->add(name);
    return names;
}

} // namespace Leasehold::Fake
