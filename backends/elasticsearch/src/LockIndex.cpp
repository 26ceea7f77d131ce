#include "LockIndex.h"

#include "jsonText.h"

#include <Poco/Dynamic/Var.h>
#include <Poco/Exception.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <map>

namespace Leasehold::LockIndex
{

namespace
{

/// The fields that the store searches and sorts by: without these types it would miss locks.
const std::map<std::string, std::string>& neededTypes()
{
    static const std::map<std::string, std::string> types{
        {"name", "keyword"}, {"standing", "keyword"}, {"fence", "long"}, {"expires", "date"}};
    return types;
}

std::string problemOf(const std::string& alias, const std::string& index, const Poco::JSON::Object::Ptr& description)
{
    const std::string repair =
        "; to repair it, let the store make a right index (give it a new name by the key index), block writes to this one, "
        "reindex it into the new one, and move the alias " +
        alias + " there in one _aliases request: leases and fences survive that";
    const auto mappings = description->getObject("mappings");
    const auto meta = mappings ? mappings->getObject("_meta") : nullptr;
    if (!meta || !meta->has("schema") || !meta->get("schema").isInteger())
        return "the index " + index + " behind the alias " + alias + " was not made by this store (its mappings have no _meta.schema)" +
               repair;
    const int found = meta->getValue<int>("schema");
    if (found > schema)
        return "the index " + index + " has schema " + std::to_string(found) + ", and this program knows only " + std::to_string(schema) +
               ": use a newer version of it";
    if (found < schema)
        return "the index " + index + " has the unknown schema " + std::to_string(found) + repair;
    if (!mappings->has("dynamic") || mappings->get("dynamic").toString() != "false")
        return "the mappings of the index " + index + " are not \"dynamic\": false, so that foreign fields change them" + repair;
    const auto properties = mappings->getObject("properties");
    for (const auto& [field, type] : neededTypes())
    {
        const auto property = properties ? properties->getObject(field) : nullptr;
        if (!property || !property->has("type") || property->get("type").toString() != type)
            return "the field " + field + " of the index " + index + " is not of type " + type + repair;
    }
    return {};
}

} // namespace

std::string firstIndexOf(const std::string& alias)
{
    return alias + "-1";
}

std::string definition(const std::string& alias, int replicas)
{
    std::string body =
        R"({"settings":{"index":{"number_of_shards":1,"number_of_replicas":)" + std::to_string(replicas) +
        R"(,"hidden":true,"refresh_interval":"5s","translog":{"durability":"request","flush_threshold_size":"64mb"}}},)"
        R"("mappings":{"dynamic":false,"_meta":{"schema":)" +
        std::to_string(schema) +
        R"(},"properties":{"name":{"type":"keyword"},"token":{"type":"keyword","index":false,"doc_values":false},)"
        R"("standing":{"type":"keyword"},"fence":{"type":"long"},"acquired":{"type":"date","format":"epoch_millis"},)"
        R"("expires":{"type":"date","format":"epoch_millis"},"ttl":{"type":"long"},"now":{"type":"date","format":"epoch_millis"},)"
        R"("metadata":{"type":"object","enabled":false}}},"aliases":{)";
    appendJsonText(body, alias);
    body += R"(:{"is_write_index":true,"is_hidden":true}}})";
    return body;
}

std::optional<State> examine(const std::string& alias, const std::string& body)
{
    try
    {
        const auto indices = Poco::JSON::Parser().parse(body).extract<Poco::JSON::Object::Ptr>();
        if (indices->size() == 0)
            return std::nullopt;
        if (indices->size() > 1)
            return State{{},
                         "the alias " + alias + " stands for " + std::to_string(indices->size()) +
                             " indices: leave only the one that holds the locks behind it"};
        const std::string index = indices->begin()->first;
        if (index == alias)
            return State{{},
                         "an index stands under the name " + alias +
                             ", where an alias is needed: rename or remove it, or choose another name with the key index"};
        const auto description = indices->getObject(index);
        if (!description)
            return std::nullopt;
        State state;
        const auto settings = description->getObject("settings");
        const auto inner = settings ? settings->getObject("index") : nullptr;
        if (inner && inner->has("uuid"))
            state.uuid = inner->get("uuid").toString();
        state.problem = problemOf(alias, index, description);
        return state;
    }
    catch (const Poco::Exception&)
    {
        return std::nullopt;
    }
}

} // namespace Leasehold::LockIndex
