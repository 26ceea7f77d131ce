#include "engineDifferences.h"

namespace Leasehold
{

namespace
{

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

/// Errors that the store handles: it must never confuse one of them with another error.
bool isActedUpon(const NodeAnswer& answer)
{
    static const std::vector<std::string> types{
        "document_missing_exception", "index_not_found_exception",    "resource_already_exists_exception",
        "cluster_block_exception",    "index_closed_exception",       "invalid_alias_name_exception",
        "circuit_breaking_exception", "rejected_execution_exception", "security_exception"};
    for (const auto& type : types)
    {
        if (has(answer.body, type))
            return true;
    }
    return false;
}

const EngineDifference refusal{
    "how a refusal is called",
    "an engine reads as the text comes, and says which of its troubles it met first, in the words of the part that met it; the store goes "
    "by "
    "the status, and none of the types that it acts upon is among them",
    [](const PlannedRequest& request, const NodeAnswer& fake, const NodeAnswer& engine, const AnswerDifference& difference)
    {
        return request.malformed && fake.status == engine.status && fake.status == 400 &&
               (difference.path.empty() || difference.path.starts_with("error")) && !isActedUpon(fake) && !isActedUpon(engine);
    }};

const EngineDifference nameThatIsNoText{
    "a byte that is no text in a name of the body",
    "the JSON reader of the engines lets it pass in a name that they do not know, and the fake does not; the store's names are ASCII",
    [](const PlannedRequest& request, const NodeAnswer& fake, const NodeAnswer& engine, const AnswerDifference&)
    { return request.malformed && has(request.body, "\xff") && fake.status == 400 && engine.status == 404; }};

} // namespace

const std::vector<EngineDifference>& engineDifferences(EngineKind kind)
{
    static const std::vector<EngineDifference> openSearch{
        refusal,
        nameThatIsNoText,
        {"settings.index.replication", "OpenSearch lists one setting more that nobody has set; the store reads none but the index's id",
         [](const auto&, const auto&, const auto&, const AnswerDifference& difference)
         { return has(difference.path, ".settings.index.replication"); }},
    };
    static const std::vector<EngineDifference> elasticsearch{
        refusal,
        nameThatIsNoText,
        {"an id over 512 bytes", "Elasticsearch 7 refuses one only when it comes to storing it, not before; no name of a lock is that long",
         [](const auto&, const NodeAnswer& fake, const auto&, const auto&) { return has(fake.body, "id is too long"); }},
        {"an unknown action in a bulk",
         "Elasticsearch 7 passes over it and its document, OpenSearch 3 refuses the bulk; the store sends only updates",
         [](const auto&, const NodeAnswer& fake, const auto&, const auto&) { return has(fake.body, "but found ["); }},
        {"a definition that is a bare value", "Elasticsearch 7 stumbles over it (500), OpenSearch 3 refuses it; the store sends an object",
         [](const auto&, const auto&, const NodeAnswer& engine, const auto&) { return has(engine.body, "not_x_content_exception"); }},
        {"half a surrogate in UTF-8",
         "the JSON reader of Elasticsearch 7 lets it pass, that of OpenSearch 3 does not; no name of a lock has one",
         [](const PlannedRequest& request, const auto&, const auto&, const auto&) { return has(request.body, "\xed\xa0\x80"); }},
        {"/_update/ without an id",
         "Elasticsearch 7 still has the paths of document types, and takes _update for one; no name of a lock is empty",
         [](const PlannedRequest& request, const auto&, const auto&, const auto&) { return request.target == "/locks/_update/"; }},
        {"_type", "Elasticsearch 7 still names the one type of a document; the store does not read it",
         [](const auto&, const auto&, const auto&, const AnswerDifference& difference) { return difference.path.ends_with("_type"); }},
    };
    return kind == EngineKind::openSearch3 ? openSearch : elasticsearch;
}

} // namespace Leasehold
