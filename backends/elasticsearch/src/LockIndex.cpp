#include "LockIndex.h"

#include "jsonText.h"
#include "net/HttpNode.h"

#include <Poco/Dynamic/Var.h>
#include <Poco/Exception.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <Poco/NumberParser.h>

#include <map>

namespace Leasehold::Elasticsearch::LockIndex
{

namespace
{

/// The fields that the store searches and sorts by. With other types it would miss locks.
const std::map<std::string, std::string>& neededTypes()
{
    static const std::map<std::string, std::string> types{
        {"name", "keyword"}, {"standing", "keyword"}, {"fence", "long"}, {"expires", "date"}};
    return types;
}

/// "leasehold-1" -> "leasehold-2".
std::string nextIndexAfter(const std::string& alias, const std::string& index)
{
    const auto start = alias.size() + 1;
    int number = 0;
    const bool isNumbered = index.starts_with(alias + "-") && index.size() > start && index.size() - start < 9 && index[start] != '+' &&
                            Poco::NumberParser::tryParse(index.substr(start), number) && number > 0;
    return isNumbered ? alias + "-" + std::to_string(number + 1) : firstIndexOf(alias);
}

/// Settings and mappings of an index of the store, without the closing brace.
std::string settingsAndMappings(int replicas)
{
    return R"({"settings":{"index":{"number_of_shards":1,"number_of_replicas":)" + std::to_string(replicas) +
           R"(,"hidden":true,"refresh_interval":"5s","translog":{"durability":"request","flush_threshold_size":"64mb"}}},)"
           R"("mappings":{"dynamic":false,"_meta":{"schema":)" +
           std::to_string(schema) +
           R"(},"properties":{"name":{"type":"keyword"},"token":{"type":"keyword","index":false,"doc_values":false},)"
           R"("standing":{"type":"keyword"},"fence":{"type":"long"},"acquired":{"type":"date","format":"epoch_millis"},)"
           R"("expires":{"type":"date","format":"epoch_millis"},"ttl":{"type":"long"},"now":{"type":"date","format":"epoch_millis"},)"
           R"("metadata":{"type":"object","enabled":false}}})";
}

// On one line, because a message may be shown without line breaks.
std::string repairText(const std::string& alias, const std::string& index, int replicas)
{
    std::string text = "; to repair it, send these requests to the engine, each after the answer to the one before, with the rights of an "
                       "operator. Leases and fences survive, and until the last one nothing is granted, renewed or released. The answer to "
                       "_reindex must say \"failures\":[]; else remove the block instead of moving the alias:";
    int number = 0;
    for (const auto& request : repair(alias, index, replicas))
        text +=
            " (" + std::to_string(++number) + ") " + request.method + " " + request.path + (request.body.empty() ? "" : " " + request.body);
    return text;
}

std::string problemOf(const std::string& alias, const std::string& index, const Poco::JSON::Object::Ptr& description, int replicas)
{
    const std::string repair = repairText(alias, index, replicas);
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
    return settingsAndMappings(replicas) + R"(,"aliases":{)" + jsonText(alias) + R"(:{"is_write_index":true,"is_hidden":true}}})";
}

std::vector<Request> repair(const std::string& alias, const std::string& index, int replicas)
{
    const auto next = nextIndexAfter(alias, index);
    const auto oldPath = "/" + Net::percentEncoded(index);
    const auto oldText = jsonText(index), nextText = jsonText(next), aliasText = jsonText(alias);
    return {{"PUT", "/" + Net::percentEncoded(next), settingsAndMappings(replicas) + "}"},
            {"PUT", oldPath + "/_block/write", {}},
            {"POST", oldPath + "/_refresh", {}},
            {"POST", "/_reindex?refresh=true", R"({"source":{"index":)" + oldText + R"(},"dest":{"index":)" + nextText + "}}"},
            {"POST", "/_aliases",
             R"({"actions":[{"remove":{"index":)" + oldText + R"(,"alias":)" + aliasText + R"(}},{"add":{"index":)" + nextText +
                 R"(,"alias":)" + aliasText + R"(,"is_write_index":true,"is_hidden":true}}]})"}};
}

std::optional<State> examine(const std::string& alias, const std::string& body, int replicas)
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
        state.problem = problemOf(alias, index, description, replicas);
        return state;
    }
    catch (const Poco::Exception&)
    {
        return std::nullopt;
    }
}

} // namespace Leasehold::Elasticsearch::LockIndex
