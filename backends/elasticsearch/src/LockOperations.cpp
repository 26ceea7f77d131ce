#include "LockOperations.h"

#include "ElasticsearchScripts.h"
#include "jsonText.h"
#include "net/HttpNode.h"

#include <algorithm>
#include <string_view>

namespace Leasehold::Elasticsearch
{

namespace
{

constexpr const char* recordFields = R"(,"_source":["standing","answer","fence","acquired","expires","ttl","metadata","now"])";
constexpr const char* grantFields = R"(,"_source":["token","standing","answer","fence","acquired","expires","ttl","metadata","now"])";
constexpr const char* answerField = R"(,"_source":["answer"])";
constexpr const char* releaseFields = R"(,"_source":["answer","wanted","now"])";
constexpr const char* upsert = R"(,"scripted_upsert":true,"upsert":{})";

/// Escapes each script once: the scripts are long and never change. The text is the key, because one script can have two addresses when two
/// source files include it.
const std::string& sourceText(std::string_view script)
{
    static const struct
    {
        std::string_view script;
        std::string text;
    } known[] = {
        {ElasticsearchScripts::acquire, jsonText(ElasticsearchScripts::acquire)},
        {ElasticsearchScripts::renew, jsonText(ElasticsearchScripts::renew)},
        {ElasticsearchScripts::release, jsonText(ElasticsearchScripts::release)},
        {ElasticsearchScripts::breakLock, jsonText(ElasticsearchScripts::breakLock)},
        {ElasticsearchScripts::find, jsonText(ElasticsearchScripts::find)},
        {ElasticsearchScripts::prune, jsonText(ElasticsearchScripts::prune)},
        {ElasticsearchScripts::probe, jsonText(ElasticsearchScripts::probe)},
    };
    return std::find_if(std::begin(known), std::end(known), [script](const auto& one) { return one.script == script; })->text;
}

/// `params`: the members of an object, without its braces.
std::string scriptedUpdate(std::string_view script, const std::string& params, const char* rest)
{
    const auto& source = sourceText(script);
    std::string body;
    body.reserve(source.size() + params.size() + 200);
    body += R"({"script":{"lang":"painless","source":)";
    body += source;
    if (!params.empty())
    {
        body += R"(,"params":{)";
        body += params;
        body += '}';
    }
    body += '}';
    body += rest;
    body += '}';
    return body;
}

std::string number(const char* name, std::uint64_t value)
{
    return "\"" + std::string(name) + "\":" + std::to_string(value);
}

std::string text(const char* name, std::string_view value)
{
    std::string member = "\"" + std::string(name) + "\":";
    appendJsonText(member, value);
    return member;
}

std::string leaseParams(const LeaseRef& lease)
{
    return text("token", lease.token) + "," + number("fence", lease.fence);
}

std::uint64_t milliseconds(Milliseconds duration)
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
}

bool isChange(const EngineItem& item)
{
    return item.result == "updated" || item.result == "created";
}

std::string timeoutText(Milliseconds timeout)
{
    return "timeout=" + std::to_string(std::max<std::int64_t>(timeout.count(), 1)) + "ms";
}

// Milliseconds in the range of clocks. The store never writes other values, and arithmetic with them could overflow.
bool isTime(std::optional<std::int64_t> value)
{
    constexpr std::int64_t greatest = std::int64_t{1} << 53;
    return value && *value >= 0 && *value <= greatest;
}

} // namespace

LockOperation acquireOperation(const AcquireRequest& request)
{
    const std::string params =
        text("name", request.name) + "," + text("token", request.token) + "," + number("ttl", milliseconds(request.ttl)) + "," +
        text("metadata", request.metadata) + "," + number("floor", std::min(request.fenceFloor, maxFence)) + "," +
        number("spare", std::min(request.reservedFences, maxFence)) + "," + number("wantedFor", milliseconds(request.wantedFor));
    return {request.name, scriptedUpdate(ElasticsearchScripts::acquire, params, (std::string(upsert) + grantFields).c_str())};
}

LockOperation renewOperation(const RenewRequest& request)
{
    const std::string params = leaseParams(request.lease) + "," + number("ttl", milliseconds(request.ttl));
    return {request.lease.name, scriptedUpdate(ElasticsearchScripts::renew, params, answerField)};
}

LockOperation releaseOperation(const LeaseRef& lease)
{
    return {lease.name, scriptedUpdate(ElasticsearchScripts::release, leaseParams(lease), releaseFields)};
}

LockOperation breakOperation(const std::string& name, Fence expected, BreakMode mode)
{
    const std::string params = number("fence", expected) + "," + text("mode", mode == BreakMode::now ? "now" : "whenItEnds");
    return {name, scriptedUpdate(ElasticsearchScripts::breakLock, params, "")};
}

LockOperation findOperation(const std::string& name)
{
    return {name, scriptedUpdate(ElasticsearchScripts::find, {}, recordFields)};
}

LockOperation pruneOperation(const std::string& name, Milliseconds retention)
{
    return {name, scriptedUpdate(ElasticsearchScripts::prune, number("retention", milliseconds(retention)), "")};
}

LockOperation probeOperation()
{
    return {"leasehold-probe", scriptedUpdate(ElasticsearchScripts::probe, {}, upsert)};
}

void appendBulkLines(std::string& body, const LockOperation& operation)
{
    body += R"({"update":{"_id":)";
    appendJsonText(body, operation.id);
    body += R"(,"retry_on_conflict":3,"require_alias":true}})";
    body += '\n';
    body += operation.body;
    body += '\n';
}

std::string operationInBulkLines(const std::string& lines)
{
    const auto begin = lines.find('\n') + 1;
    return lines.substr(begin, lines.size() - begin - 1);
}

// filter_path must name the error's type: otherwise a failed item would look like an empty success. The causes show a full script cache,
// and the index's UUID in the error shows that the index was replaced.
std::string updatePath(const std::string& index, const std::string& id, Milliseconds timeout)
{
    return "/" + Net::percentEncoded(index) + "/_update/" + Net::percentEncoded(id) + "?require_alias=true&retry_on_conflict=3&" +
           timeoutText(timeout) + "&filter_path=result,get._source,error.type,error.reason,error.index_uuid,error.caused_by";
}

std::string bulkPath(const std::string& index, Milliseconds timeout)
{
    return "/" + Net::percentEncoded(index) + "/_bulk?" + timeoutText(timeout) +
           "&filter_path=items.*.status,items.*.result,items.*.get._source,items.*.error.type,items.*.error.reason,items.*.error.index_"
           "uuid,"
           "items.*.error.caused_by,error.type,error.reason,error.index_uuid,error.caused_by";
}

// A grant is an update that left a held lease with our token. A noop is no grant, because a node that is cut off from the cluster answers
// noops. An update alone is no grant either, because it may have corrected the expiry of another holder's lease.
std::optional<AcquireReply> acquireReply(const AcquireRequest& request, const EngineItem& item)
{
    if (!item.document || !item.document->token || !item.document->standing)
        return std::nullopt;
    const auto& document = *item.document;
    const bool ours = *document.token == request.token;
    const bool ourLease = ours && document.standing == "held";
    if (item.result == "noop" && document.answer == "spent" && ours)
        return AcquireReply{AcquireStatus::spent, {.name = request.name}};

    const auto record = recordOf(request.name, document);
    if (!record)
        return std::nullopt;
    if (isChange(item))
        return AcquireReply{ourLease ? AcquireStatus::granted : AcquireStatus::held, *record};
    if (item.result == "noop" && document.answer == "held" && !ourLease)
        return AcquireReply{AcquireStatus::held, *record};
    return std::nullopt;
}

// A noop without a document has no source that names the reason. The only possible reason is an exhausted fence.
bool isFenceExhausted(const AcquireRequest& request, const EngineItem& item)
{
    if (item.result != "noop")
        return false;
    return item.document ? item.document->answer == "exhausted"
                         : std::min(request.fenceFloor, maxFence) + std::min(request.reservedFences, maxFence) >= maxFence;
}

std::optional<RenewReply> renewReply(const RenewRequest& request, const EngineItem& item)
{
    if (item.result == "updated")
        return RenewReply{.status = RenewStatus::renewed, .remaining = request.ttl};
    if (item.result == "noop")
        return RenewReply{.status = RenewStatus::lost, .broken = item.document && item.document->answer == "broken"};
    return std::nullopt;
}

std::optional<ReleaseReply> releaseReply(const EngineItem& item)
{
    const auto document = item.document.value_or(EngineDocument{});
    if (item.result == "updated" || (item.result == "noop" && document.answer == "released"))
        return ReleaseReply{.status = ReleaseStatus::released,
                            .wanted = document.wanted && document.now && *document.wanted > *document.now};
    if (item.result == "noop" && (document.answer == "notHeld" || document.answer == "broken"))
        return ReleaseReply{.status = ReleaseStatus::notHeld, .broken = document.answer == "broken"};
    return std::nullopt;
}

std::optional<bool> broken(const EngineItem& item)
{
    if (item.result == "updated")
        return true;
    if (item.result == "noop")
        return false;
    return std::nullopt;
}

std::optional<std::optional<LockRecord>> foundRecord(const std::string& name, const EngineItem& item)
{
    if (item.result != "noop" || !item.document)
        return std::nullopt;
    if (item.document->answer == "dead")
        return std::optional<LockRecord>{};
    const auto record = recordOf(name, *item.document);
    if (item.document->answer != "live" || !record)
        return std::nullopt;
    return record;
}

std::optional<LockRecord> recordOf(const std::string& name, const EngineDocument& document)
{
    if (!document.fence || *document.fence <= 0 || !document.metadata || !isTime(document.acquired) || !isTime(document.expires) ||
        !isTime(document.ttl) || !isTime(document.now))
        return std::nullopt;
    LockRecord record;
    record.name = name;
    record.fence = static_cast<Fence>(*document.fence);
    record.acquiredAt = StorageTime(Milliseconds(*document.acquired));
    record.expiresAt = StorageTime(Milliseconds(*document.expires));
    record.ttl = Milliseconds(*document.ttl);
    record.remaining = Milliseconds(std::max<std::int64_t>(*document.expires - *document.now, 0));
    record.metadata = *document.metadata;
    record.broken = document.standing == "broken";
    return record;
}

} // namespace Leasehold::Elasticsearch
