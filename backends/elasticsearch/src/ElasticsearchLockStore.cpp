#include "Leasehold/ElasticsearchLockStore.h"

#include "EngineClient.h"
#include "EngineVersion.h"
#include "LockSearch.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>

namespace Leasehold
{

namespace
{

constexpr std::size_t pruneAtMost = 1000;
// How far the clocks of two nodes may differ, of which the one and, after a failover, the other judges a lease.
constexpr Milliseconds clockUncertainty{50};

/// What a call is about, for messages.
std::string about(const char* verb, const std::string& name)
{
    return std::string(verb) + " the lock \"" + name + "\"";
}

} // namespace

ElasticsearchLockStore::ElasticsearchLockStore(ElasticsearchOptions options) : _engine(std::make_unique<EngineClient>(std::move(options)))
{
}

ElasticsearchLockStore::~ElasticsearchLockStore() = default;

StoreInfo ElasticsearchLockStore::info() const
{
    StoreInfo info;
    info.type = "elasticsearch";
    info.location = _engine->addresses() + ", index " + _engine->options().index;
    info.durable = true;
    info.sharedAcrossHosts = true;
    info.clockUncertainty = clockUncertainty;
    info.sparesFences = true;
    return info;
}

void ElasticsearchLockStore::prepare(const CallContext& context)
{
    _engine->ensureIndex(context);
    const auto reply = _engine->updateOnce(probeOperation(), "prepare", context);
    if (reply.verdict.meaning == Meaning::indexMissing)
        throw LockStoreError("cannot prepare the elasticsearch store " + _engine->addresses() + ": there is no alias " +
                             _engine->options().index + " and this user may not look for it: let an operator make the index");
}

AcquireReply ElasticsearchLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    const std::string what = about("acquire", request.name);
    const auto operation = acquireOperation(request);
    for (int tries = 1;; ++tries)
    {
        _engine->requireNoneRemain(what, request.ttl);
        const auto reply = _engine->update(operation, what, context);
        if (reply.verdict.meaning == Meaning::indexMissing)
        {
            if (tries > 1)
                _engine->refuse(reply, what);
            _engine->ensureIndex(context);
            continue;
        }
        if (isFenceExhausted(request, reply.item))
            throw LockStoreError("cannot " + what + ": its next fence would exceed the greatest one, " + std::to_string(maxFence) +
                                 ": nothing was granted; repair the record or the clock of the storage");
        const auto acquired = acquireReply(request, reply.item);
        if (!acquired || reply.verdict.meaning != Meaning::done)
            _engine->refuseNonsense(reply, what);
        if (acquired->status == AcquireStatus::granted && context.timeLeft().count() == 0)
            throw LockStoreUnavailable("cannot " + what + ": the answer came after the call's deadline");
        // The index may have vanished while the request was under way, and this grant be of the next one.
        if (acquired->status == AcquireStatus::granted)
            _engine->requireNoneRemain(what, request.ttl);
        return *acquired;
    }
}

std::vector<RenewReply> ElasticsearchLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    std::vector<RenewReply> replies;
    replies.reserve(requests.size());
    while (replies.size() < requests.size())
    {
        const auto rest = requests.subspan(replies.size());
        GroupCommit::Operations operations;
        std::size_t bytes = 0;
        while (operations.size() < std::min(rest.size(), _engine->bounds().items) && bytes < _engine->bounds().bytes)
        {
            operations.push_back(renewOperation(rest[operations.size()]));
            bytes += bulkBytes(operations.back());
        }
        const auto chunk = rest.first(operations.size());
        const std::string what = "renew " + std::to_string(chunk.size()) + " locks";
        const auto fail = [&](RenewStatus status, const std::string& reason)
        { replies.insert(replies.end(), chunk.size(), RenewReply{.status = status, .reason = reason}); };
        try
        {
            const auto reply = _engine->updateAll(std::move(operations), what, context);
            if (reply.verdict.meaning == Meaning::indexMissing)
            {
                _engine->index().missing();
                fail(RenewStatus::lost, {});
                continue;
            }
            if (reply.verdict.meaning != Meaning::done)
                _engine->refuse(reply, what);
            // Every item by its position: a bulk without errors can still hold a lost lease.
            for (std::size_t index = 0; index < chunk.size(); ++index)
                replies.push_back(renewReply(chunk[index], reply.items[index]));
        }
        catch (const LockStoreUnavailable& problem)
        {
            if (replies.empty())
                throw;
            fail(RenewStatus::unavailable, problem.message());
        }
        catch (const LockStoreError& problem)
        {
            if (replies.empty())
                throw;
            fail(RenewStatus::failed, problem.message());
        }
    }
    return replies;
}

RenewReply ElasticsearchLockStore::renewReply(const RenewRequest& request, const EngineItem& item)
{
    const auto verdict = judge(item);
    switch (verdict.meaning)
    {
    case Meaning::done:
        break;
    case Meaning::documentMissing:
        _engine->index().leaseHasNoDocument(item.error.indexUuid);
        return {.status = RenewStatus::lost};
    case Meaning::indexMissing:
        _engine->index().missing();
        return {.status = RenewStatus::lost};
    case Meaning::transient:
        return {.status = RenewStatus::unavailable, .reason = verdict.why};
    default:
        return {.status = RenewStatus::failed, .reason = verdict.why};
    }
    const auto done = renewed(item);
    if (!done)
        return {.status = RenewStatus::failed, .reason = "the engine's answer makes no sense"};
    return *done ? RenewReply{.status = RenewStatus::renewed, .remaining = request.ttl} : RenewReply{.status = RenewStatus::lost};
}

ReleaseStatus ElasticsearchLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    const std::string what = about("release", lease.name);
    const auto reply = _engine->update(releaseOperation(lease), what, context);
    if (reply.verdict.meaning == Meaning::documentMissing)
        _engine->index().leaseHasNoDocument(reply.item.error.indexUuid);
    if (reply.verdict.meaning != Meaning::done)
        return ReleaseStatus::notHeld;
    const auto status = releaseStatus(reply.item);
    if (!status)
        _engine->refuseNonsense(reply, what);
    return *status;
}

std::optional<LockRecord> ElasticsearchLockStore::find(const std::string& name, const CallContext& context)
{
    const std::string what = about("find", name);
    const auto reply = _engine->updateOnce(findOperation(name), what, context);
    if (reply.verdict.meaning != Meaning::done)
        return std::nullopt;
    const auto record = foundRecord(name, reply.item);
    if (!record)
        _engine->refuseNonsense(reply, what);
    return *record;
}

bool ElasticsearchLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    const std::string what = about("break", name);
    const auto reply = _engine->updateOnce(breakOperation(name, expected, mode), what, context);
    if (reply.verdict.meaning != Meaning::done)
        return false;
    const auto done = broken(reply.item);
    if (!done)
        _engine->refuseNonsense(reply, what);
    return *done;
}

std::vector<LockRecord> ElasticsearchLockStore::list(const ListQuery& query, const CallContext& context)
{
    const std::string what = "list locks";
    std::vector<LockRecord> records;
    if (query.limit == 0 || !refresh(what, context))
        return records;
    std::string after = query.after;
    for (;;)
    {
        const auto size = std::min(query.limit - records.size(), LockSearch::pageAtMost);
        const auto reply = _engine->request(
            {"POST", LockSearch::path(_engine->options().index), LockSearch::live(query.prefix, after, size)}, what, context);
        if (reply.verdict.meaning == Meaning::indexMissing)
            return records;
        if (reply.verdict.meaning != Meaning::done)
            _engine->refuse(reply, what);
        for (const auto& document : reply.answer.hits)
        {
            if (!document.name)
                _engine->refuseNonsense(reply, what);
            after = *document.name;
            // The clock that filtered ran before the one that stamped the record.
            const auto record = recordOf(after, document);
            if (record && record->remaining.count() > 0)
                records.push_back(*record);
        }
        if (reply.answer.hits.size() < size || records.size() >= query.limit)
            return records;
    }
}

std::size_t ElasticsearchLockStore::prune(Milliseconds retention, const CallContext& context)
{
    const std::string what = "prune";
    if (!refresh(what, context))
        return 0;
    const auto found =
        _engine->request({"POST", LockSearch::path(_engine->options().index), LockSearch::dead(retention, pruneAtMost)}, what, context);
    if (found.verdict.meaning == Meaning::indexMissing)
        return 0;
    if (found.verdict.meaning != Meaning::done)
        _engine->refuse(found, what);
    std::string body;
    std::size_t candidates = 0;
    for (const auto& document : found.answer.hits)
    {
        if (!document.name)
            continue;
        appendBulkLines(body, pruneOperation(*document.name, std::min(retention, LockSearch::longestRetention)));
        ++candidates;
    }
    if (candidates == 0)
        return 0;
    auto reply = _engine->request(
        {"POST", bulkPath(_engine->options().index, EngineClient::engineTimeout(context)), std::move(body), "application/x-ndjson"}, what,
        context);
    if (reply.verdict.meaning != Meaning::done)
        _engine->refuse(reply, what);
    if (reply.answer.items.size() != candidates)
        _engine->refuseNonsense(reply, what);
    std::size_t forgotten = 0;
    for (const auto& item : reply.answer.items)
    {
        const auto verdict = judge(item);
        if (verdict.meaning == Meaning::done)
            forgotten += item.result == "deleted" ? 1 : 0;
        else if (verdict.meaning != Meaning::documentMissing)
            reply.verdict = verdict;
    }
    // Trouble with some is no matter while others are forgotten: the next page has them again.
    if (forgotten == 0 && reply.verdict.meaning != Meaning::done)
        _engine->refuse(reply, what);
    return forgotten;
}

std::string ElasticsearchLockStore::engine(const CallContext& context)
{
    const std::string what = "ask for the engine's version";
    const auto reply = _engine->request({"GET", "/", {}}, what, context);
    if (reply.verdict.meaning == Meaning::transient)
        _engine->refuse(reply, what);
    // Who may use the locks need not be allowed to see this page.
    return reply.verdict.meaning == Meaning::done ? engineVersion(reply.body) : std::string();
}

// A search sees what was there at the last refresh. Without the right to refresh it is a few seconds behind. False: there is no
// index, and so nothing to be found.
bool ElasticsearchLockStore::refresh(const std::string& what, const CallContext& context)
{
    const auto reply =
        _engine->request({"POST", "/" + percentEncoded(_engine->options().index) + "/_refresh?filter_path=error.type", {}}, what, context);
    if (reply.verdict.meaning == Meaning::indexMissing)
    {
        _engine->index().missing();
        return false;
    }
    if (reply.verdict.meaning != Meaning::done && reply.verdict.meaning != Meaning::notPermitted)
        _engine->refuse(reply, what);
    return true;
}

} // namespace Leasehold
