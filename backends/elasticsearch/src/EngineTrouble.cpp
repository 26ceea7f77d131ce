#include "EngineTrouble.h"

#include <algorithm>

namespace Leasehold::Elasticsearch
{

namespace
{

/// The engine's name of the error type, if it looks like one: a message must show no other text of a server. Types have no digits, and a
/// token has some.
std::string shownType(const EngineError& error)
{
    const bool plain = std::all_of(error.type.begin(), error.type.end(),
                                   [](unsigned char c) { return std::isalpha(c) != 0 || c == '_' || c == '.' || c == '-'; });
    return plain && error.type.size() <= 100 ? error.type : std::string("an unknown error type");
}

Verdict verdict(Meaning meaning, const EngineItem& item, const std::string& advice = {})
{
    std::string why = "status " + std::to_string(item.status);
    if (!item.error.type.empty())
        why += " " + shownType(item.error);
    if (!advice.empty())
        why += ": " + advice;
    return {meaning, why};
}

Verdict judgeCause(const EngineItem& item)
{
    switch (item.error.cause)
    {
    case EngineCause::noPainless:
        return verdict(Meaning::permanent, item,
                       "this node cannot run painless scripts, which the lock store needs: enable the module lang-painless");
    case EngineCause::scriptsDisabled:
        return verdict(Meaning::permanent, item,
                       "the settings of this node forbid scripts: let script.allowed_types contain inline, and script.allowed_contexts "
                       "update and field");
    case EngineCause::shardLimit:
        return verdict(Meaning::permanent, item,
                       "the cluster has as many shards as it may have: delete indices, or raise cluster.max_shards_per_node");
    case EngineCause::dataStreamTemplate:
        return verdict(
            Meaning::permanent, item,
            "an index template for data streams matches the name of the index: narrow its index_patterns, or choose another name "
            "with the key index");
    case EngineCause::breaker:
    case EngineCause::none:
        break;
    }
    return verdict(Meaning::transient, item, "the node compiles too many scripts or has too little memory at the moment");
}

} // namespace

Verdict judge(const EngineItem& item)
{
    const auto& type = item.error.type;
    if (item.status >= 200 && item.status < 300 && !item.error.isSet())
        return {Meaning::done, {}};

    switch (item.status)
    {
    case 401:
        return verdict(Meaning::permanent, item, "the credentials are refused: check user and password, or api_key");
    case 403:
        // Engines use this status for a blocked index and for a user without the right.
        if (type == "index_create_block_exception")
            return verdict(
                Meaning::transient, item,
                "the cluster is blocked for making indices: remove the setting cluster.blocks.create_index; the engine sets it by "
                "itself while its disks are too full");
        if (type == "cluster_block_exception")
            return verdict(Meaning::transient, item, "the index or the cluster is blocked for writing: remove the block");
        return verdict(Meaning::notPermitted, item,
                       "the user has no right to " + (item.error.actions.empty() ? std::string("do this") : item.error.actions) +
                           ": operating.md of the Elasticsearch store lists the rights that it needs");
    case 404:
        if (type == "document_missing_exception")
            return verdict(Meaning::documentMissing, item);
        if (type == "index_not_found_exception")
            return verdict(Meaning::indexMissing, item);
        // After a failover a request may reach a node that does not have the shard yet, or no longer has it.
        if (type == "shard_not_found_exception" || type == "illegal_index_shard_state_exception" || type.starts_with("index_shard_"))
            return verdict(Meaning::transient, item, "the copies of the index are moving between nodes");
        return verdict(Meaning::permanent, item, "is this address an Elasticsearch or OpenSearch node?");
    case 408:
        return verdict(Meaning::transient, item);
    case 409:
        return verdict(Meaning::transient, item, "too many wrote this lock at once");
    case 413:
        return verdict(Meaning::permanent, item, "a proxy or the node refuses requests of this size: raise its limit");
    case 429:
        if (type == "cluster_block_exception")
            return verdict(Meaning::transient, item, "the node's disk is too full, so that it refuses to write: free space there");
        return verdict(Meaning::transient, item, "the node is overloaded");
    default:
        break;
    }

    if (item.status >= 500)
        return verdict(Meaning::transient, item);
    if (item.status == 400 && type == "resource_already_exists_exception")
        return verdict(Meaning::alreadyExists, item);
    if (item.error.cause != EngineCause::none)
        return judgeCause(item);
    if (type == "index_closed_exception")
        return verdict(Meaning::permanent, item, "the index is closed: open it");
    if (type == "invalid_alias_name_exception")
        return verdict(Meaning::permanent, item,
                       "an index stands under the name of the alias: rename or remove it, or choose another name with the key index");
    if (item.status >= 300 && item.status < 400)
        return verdict(Meaning::permanent, item, "the address redirects: give the address that it leads to");
    return verdict(Meaning::permanent, item);
}

Verdict judge(const EngineAnswer& answer, const std::string& contentType)
{
    Verdict result = judge(answer.whole);
    if (answer.readable)
        return result;

    // The body is not an engine's: perhaps a proxy's page, or empty. Only the status can be judged.
    const std::string kind = contentType.substr(0, contentType.find(';'));
    const bool plain = !kind.empty() && kind.size() <= 60 &&
                       std::all_of(kind.begin(), kind.end(),
                                   [](unsigned char c) { return std::isalpha(c) != 0 || c == '/' || c == '-' || c == '+' || c == '.'; });
    const std::string what =
        plain ? "an answer of type " + kind + " that is not an engine's JSON" : std::string("an answer that is not an engine's JSON");
    if (result.meaning == Meaning::done)
        return {Meaning::permanent, "status " + std::to_string(answer.whole.status) + " with " + what +
                                        ": is this address an Elasticsearch or OpenSearch node?"};
    // Engines refuse credentials in plain text, so the type of the body says nothing here.
    if (answer.whole.status != 401)
        result.why += " (" + what + ")";
    return result;
}

} // namespace Leasehold::Elasticsearch
