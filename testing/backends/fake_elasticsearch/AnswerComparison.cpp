#include "AnswerComparison.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <Poco/JSON/Stringifier.h>

#include <cstdlib>
#include <set>
#include <sstream>

namespace Leasehold
{

namespace
{

using Poco::Dynamic::Var;
using Object = Poco::JSON::Object::Ptr;
using Array = Poco::JSON::Array::Ptr;

/// Members that may differ; neither the store nor its tests use them.
const std::set<std::string> leftOut{"took",    "reason",  "script_stack",  "script",       "lang",         "position",
                                    "line",    "col",     "bytes_wanted",  "name",         "cluster_name", "cluster_uuid",
                                    "tagline", "version", "creation_date", "provided_name"};

bool isObject(const Var& value)
{
    return value.type() == typeid(Object);
}

bool isArray(const Var& value)
{
    return value.type() == typeid(Array);
}

std::string textOf(const Var& value)
{
    std::ostringstream out;
    Poco::JSON::Stringifier::stringify(value, out);
    return out.str();
}

Var read(const std::string& body)
{
    try
    {
        return Poco::JSON::Parser().parse(body);
    }
    catch (const Poco::Exception&)
    {
        return body; // not JSON: the text itself
    }
}

/// Sorts hits by name. Two fences of one millisecond can be equal on one node and different on the other, so a search by fence may order
/// them differently.
Array byName(const Array& hits)
{
    std::map<std::string, Var> ordered;
    for (const auto& hit : *hits)
    {
        const auto source = isObject(hit) ? hit.extract<Object>()->getObject("_source") : Object();
        ordered.emplace(source ? textOf(source->get("name")) : textOf(hit), hit);
    }
    Array result(new Poco::JSON::Array);
    for (const auto& [name, hit] : ordered)
        result->add(hit);
    return result;
}

/// A member of a lock's document is always compared, also if it is called like one that is left out.
bool isLeftOut(const std::string& path, const std::string& key)
{
    return leftOut.contains(key) && path.find("_source.") == std::string::npos && path.find("mappings.") == std::string::npos;
}

std::set<std::string> keysOf(const Object& fake, const Object& engine)
{
    std::set<std::string> keys;
    for (const auto& [key, value] : *fake)
        keys.insert(key);
    for (const auto& [key, value] : *engine)
        keys.insert(key);
    return keys;
}

} // namespace

std::vector<AnswerDifference> AnswerComparison::differences(const NodeAnswer& fake, const NodeAnswer& engine)
{
    std::vector<AnswerDifference> found;
    // With different statuses all other members differ too.
    if (fake.status != engine.status)
        return {{"status", std::to_string(fake.status), std::to_string(engine.status)}};
    if (fake.contentType != engine.contentType)
        found.push_back({"content-type", fake.contentType, engine.contentType});
    if (fake.body.empty() != engine.body.empty())
        found.push_back({"body", fake.body, engine.body});
    else if (!fake.body.empty())
        compare({}, {}, read(fake.body), read(engine.body), found);
    return found;
}

std::string AnswerComparison::alike(const std::string& key, const Var& value, Numbers& ids) const
{
    if ((key != "uuid" && key != "index_uuid") || value != Var("_na_"))
    {
        if (key == "uuid" || key == "index_uuid")
            return "index " + std::to_string(ids.emplace(value.toString(), ids.size()).first->second);
    }
    return textOf(value);
}

void AnswerComparison::compare(const std::string& path, const std::string& key, const Var& fake, const Var& engine,
                               std::vector<AnswerDifference>& found)
{
    const auto below = [&path](const std::string& next) { return path.empty() ? next : path + "." + next; };
    if (isObject(fake) && isObject(engine))
    {
        const auto ours = fake.extract<Object>();
        const auto theirs = engine.extract<Object>();
        for (const auto& name : keysOf(ours, theirs))
        {
            const auto place = below(name);
            if (isLeftOut(place, name))
                continue;
            if (ours->has(name) && theirs->has(name))
                compare(place, name, ours->get(name), theirs->get(name), found);
            else
                found.push_back({place, ours->has(name) ? textOf(ours->get(name)) : std::string(),
                                 theirs->has(name) ? textOf(theirs->get(name)) : std::string()});
        }
        return;
    }
    if (isArray(fake) && isArray(engine) && fake.extract<Array>()->size() == engine.extract<Array>()->size())
    {
        const auto ours = path == "hits.hits" ? byName(fake.extract<Array>()) : fake.extract<Array>();
        const auto theirs = path == "hits.hits" ? byName(engine.extract<Array>()) : engine.extract<Array>();
        for (unsigned position = 0; position < ours->size(); ++position)
            compare(below(std::to_string(position)), key, ours->get(position), theirs->get(position), found);
        return;
    }
    if (areSameMoment(fake, engine))
        return;
    // An error that is a plain text is like a reason: its text may differ.
    if (path == "error" && !fake.isEmpty() && !engine.isEmpty() && fake.isString() && engine.isString())
        return;
    const auto ours = alike(key, fake, _fakeIds);
    const auto theirs = alike(key, engine, _engineIds);
    if (ours != theirs)
        found.push_back({path, ours, theirs});
}

bool AnswerComparison::areSameMoment(const Var& fake, const Var& engine) const
{
    constexpr std::int64_t day = 86'400'000;
    constexpr std::int64_t near = 10'000;
    if (fake.isEmpty() || engine.isEmpty() || !fake.isInteger() || !engine.isInteger() || fake.isBoolean() || engine.isBoolean())
        return false;
    const auto ours = fake.convert<std::int64_t>();
    const auto theirs = engine.convert<std::int64_t>();
    const auto close = [&](std::int64_t unit)
    { return std::abs(ours - _now * unit) < day * unit && std::abs(ours - theirs) < near * unit; };
    return close(1) || close(1000);
}

} // namespace Leasehold
