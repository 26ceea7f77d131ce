#include "IndexDefinition.h"

#include <algorithm>
#include <random>

namespace Leasehold::Fake
{

namespace
{

/// An id of 22 characters, as in the engines; never the same twice.
std::string newUuid()
{
    static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device random;
    std::uniform_int_distribution<std::size_t> place(0, sizeof letters - 2);
    std::string uuid;
    for (int letter = 0; letter < 22; ++letter)
        uuid += letters[place(random)];
    return uuid;
}

/// Settings as engines keep them: every value as text.
Object asText(const Object& settings)
{
    auto result = object();
    for (const auto& [key, value] : *settings)
    {
        if (key.find('.') != std::string::npos || isArray(value))
            throw unsupported("settings written like " + key);
        if (isObject(value))
            result->set(key, asText(value.extract<Object>()));
        else
            result->set(key, value.toString());
    }
    return result;
}

} // namespace

Object readIndexDefinition(const std::string& body)
{
    if (body.empty())
        return object();
    const auto parsed = parseJson(body);
    if (parsed.trouble != Parsed::Trouble::none)
        throw failure(400, "parse_exception", "Failed to parse content to map", badJson(parsed.trouble).error);
    if (!isObject(parsed.value))
        throw unsupported("a definition that is no JSON object");
    const auto definition = parsed.value.extract<Object>();
    for (const auto& [key, value] : *definition)
    {
        if (key != "settings" && key != "mappings" && key != "aliases")
            throw failure(400, "parse_exception", "unknown key [" + key + "] for create index");
        if (!isObject(value))
            throw unsupported("a definition whose " + key + " are no JSON object");
    }
    return definition;
}

Failure badIndexName(const std::string& name, const std::string& why)
{
    auto result = failure(400, "invalid_index_name_exception", "Invalid index name [" + name + "], " + why);
    result.error->set("index_uuid", "_na_");
    result.error->set("index", name);
    return result;
}

void requireIndexName(const std::string& name)
{
    if (name.find_first_of("\\/*?\"<>| ,#:") != std::string::npos)
        throw badIndexName(name, "must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?]");
    if (name.starts_with('_') || name.starts_with('-') || name.starts_with('+'))
        throw badIndexName(name, "must not start with '_', '-', or '+'");
    if (name.size() > 255)
        throw badIndexName(name, "index name is too long");
    if (name == "." || name == "..")
        throw badIndexName(name, "must not be '.' or '..'");
    if (std::any_of(name.begin(), name.end(), [](char character) { return character >= 'A' && character <= 'Z'; }))
        throw badIndexName(name, "must be lowercase");
}

FakeIndex makeIndex(const std::string& name, const Object& definition, std::int64_t now)
{
    FakeIndex index;
    index.name = name;
    index.uuid = newUuid();

    const auto settings = objectMember(definition, "settings");
    const auto inner = objectMember(settings, "index");
    index.settings = inner ? asText(inner) : settings ? asText(settings) : object();
    if (!index.settings->has("number_of_shards"))
        index.settings->set("number_of_shards", "1");
    if (!index.settings->has("number_of_replicas"))
        index.settings->set("number_of_replicas", "1");
    index.settings->set("provided_name", name);
    index.settings->set("uuid", index.uuid);
    index.settings->set("creation_date", std::to_string(now));
    index.settings->set("version", object({{"created", "7100299"}}));
    const auto replicas = index.settings->get("number_of_replicas").extract<std::string>();
    if (index.settings->get("number_of_shards") != Value("1") || replicas.empty() || replicas.size() > 3 ||
        replicas.find_first_not_of("0123456789") != std::string::npos)
        throw unsupported("this number of shards or replicas");
    index.copies = 1 + std::stoi(replicas);

    const auto mappings = objectMember(definition, "mappings");
    index.mappings = mappings ? mappings : object();
    if (index.mappings->has("dynamic"))
        index.mappings->set("dynamic", index.mappings->get("dynamic").toString());
    const auto aliases = objectMember(definition, "aliases");
    index.aliases = aliases ? aliases : object();
    return index;
}

} // namespace Leasehold::Fake
