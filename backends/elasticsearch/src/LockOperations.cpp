#include "LockOperations.h"

#include "ElasticsearchScripts.h"
#include "HttpNode.h"
#include "jsonText.h"

#include <algorithm>
#include <string_view>

namespace Leasehold
{

namespace
{

constexpr const char* recordFields = R"(,"_source":["answer","fence","acquired","expires","ttl","metadata","now"])";
constexpr const char* grantFields = R"(,"_source":["token","standing","answer","fence","acquired","expires","ttl","metadata","now"])";
constexpr const char* answerField = R"(,"_source":["answer"])";
constexpr const char* upsert = R"(,"scripted_upsert":true,"upsert":{})";

/// Escaped once: the scripts are long, and their text never changes. Told apart by their text: where two source files include them,
/// one script can have two addresses.
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

// In milliseconds. What is far beyond any clock is none of ours, and cannot be computed with.
bool isTime(std::optional<std::int64_t> value)
{
    constexpr std::int64_t greatest = std::int64_t{1} << 53;
    return value && *value >= 0 && *value <= greatest;
}

} // namespace

LockOperation acquireOperation(const AcquireRequest& request)
{
    const std::string params = text("name", request.name) + "," + text("token", request.token) + "," +
                               number("ttl", milliseconds(request.ttl)) + "," + text("metadata", request.metadata) + "," +
                               number("floor", std::min(request.fenceFloor, maxFence)) + "," +
                               number("spare", std::min(request.spareFences, maxFence));
    return {request.name, scriptedUpdate(ElasticsearchScripts::acquire, params, (std::string(upsert) + grantFields).c_str())};
}

LockOperation renewOperation(const RenewRequest& request)
{
    const std::string params = leaseParams(request.lease) + "," + number("ttl", milliseconds(request.ttl));
    return {request.lease.name, scriptedUpdate(ElasticsearchScripts::renew, params, "")};
}

LockOperation releaseOperation(const LeaseRef& lease)
{
    return {lease.name, scriptedUpdate(ElasticsearchScripts::release, leaseParams(lease), answerField)};
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

std::size_t bulkBytes(const LockOperation& operation)
{
    constexpr std::size_t actionLine = 70;
    return actionLine + operation.id.size() + operation.body.size();
}

// An error's type must be asked for, or a failed item would look like an empty success; its causes tell a full script cache. An
// index's id in the error tells that the index is another one than before.
std::string updatePath(const std::string& index, const LockOperation& operation, Milliseconds timeout)
{
    return "/" + percentEncoded(index) + "/_update/" + percentEncoded(operation.id) + "?require_alias=true&retry_on_conflict=3&" +
           timeoutText(timeout) + "&filter_path=result,get._source,error.type,error.index_uuid,error.caused_by";
}

std::string bulkPath(const std::string& index, Milliseconds timeout)
{
    return "/" + percentEncoded(index) + "/_bulk?" + timeoutText(timeout) +
           "&filter_path=items.*.status,items.*.result,items.*.get._source,items.*.error.type,items.*.error.index_uuid,items.*.error."
           "caused_by,"
           "error.type,error.index_uuid,error.caused_by";
}

// A grant is an update that happened and left a lease with our token: a noop may come from a node that is cut off from the
// cluster, and the corrected expiry of a lease that stands in the way is an update as well.
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

// A noop where there was no document has no source to tell why; there is one reason only.
bool isFenceExhausted(const AcquireRequest& request, const EngineItem& item)
{
    if (item.result != "noop")
        return false;
    return item.document ? item.document->answer == "exhausted"
                         : std::min(request.fenceFloor, maxFence) + std::min(request.spareFences, maxFence) >= maxFence;
}

std::optional<bool> renewed(const EngineItem& item)
{
    if (item.result == "updated")
        return true;
    if (item.result == "noop")
        return false;
    return std::nullopt;
}

std::optional<ReleaseStatus> releaseStatus(const EngineItem& item)
{
    if (item.result == "updated")
        return ReleaseStatus::released;
    if (item.result == "noop" && item.document && item.document->answer == "released")
        return ReleaseStatus::released;
    if (item.result == "noop" && item.document && item.document->answer == "notHeld")
        return ReleaseStatus::notHeld;
    return std::nullopt;
}

std::optional<bool> broken(const EngineItem& item)
{
    return renewed(item);
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
    return record;
}

} // namespace Leasehold
