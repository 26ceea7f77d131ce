#include "Leasehold/ElasticsearchLockStore.h"

#include "EngineClient.h"
#include "EngineVersion.h"
#include "LockSearch.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>

namespace Leasehold
{

using namespace Elasticsearch;

namespace
{

constexpr std::size_t prunedPerCall = 1000;
constexpr std::size_t bytesPerRequest = 900'000; // many proxies refuse more than 1 MB
// How far the clocks of two nodes may differ: after a failover another node judges the same lease.
constexpr Milliseconds clockUncertainty{50};

/// Calls `judge`. If it throws, fails only this step and returns false.
template <typename Judge>
bool judging(BatchStep& step, const Judge& judge)
{
    try
    {
        judge();
        return true;
    }
    catch (const LockStoreError& problem)
    {
        step.fail(problem);
        return false;
    }
}

/// The purpose of a call, for messages.
std::string about(const char* verb, const std::string& name)
{
    return std::string(verb) + " the lock \"" + name + "\"";
}

} // namespace

ElasticsearchLockStore::ElasticsearchLockStore(ElasticsearchOptions options) :
    ElasticsearchLockStore(std::make_unique<EngineClient>(std::move(options)), Delegated{})
{
}

ElasticsearchLockStore::ElasticsearchLockStore(std::unique_ptr<EngineClient> engine, Delegated) :
    BatchedLockStore(engine->place(), {.bytes = bytesPerRequest}), _engine(std::move(engine))
{
}

ElasticsearchLockStore::~ElasticsearchLockStore()
{
    if (isForeign())
        ForkGuard::keepForever(std::move(_engine));
}

StoreInfo ElasticsearchLockStore::info() const
{
    StoreInfo info;
    info.type = "elasticsearch";
    info.location = _engine->addresses() + ", index " + _engine->options().index;
    info.durable = true;
    info.sharedAcrossHosts = true;
    info.clockUncertainty = clockUncertainty;
    info.reservesFences = true;
    info.tellsWanted = true;
    if (const auto troubles = _engine->troubles(); !troubles.empty())
        info.warning = "a node was left out: " + troubles;
    return info;
}

void ElasticsearchLockStore::prepare(const CallContext& context)
{
    requireNative();
    try
    {
        _engine->ensureIndex(context);
        const auto reply = _engine->update(probeOperation(), "prepare", context);
        if (reply.verdict.meaning == Meaning::indexMissing)
            throw LockStoreError(
                "cannot prepare the elasticsearch store " + _engine->addresses() + ": there is no alias " + _engine->options().index +
                " and this user may not look for it: let an operator make the index with leasehold check; operating.md of the "
                "Elasticsearch store lists the rights");
    }
    catch (const LockStoreUnavailable&)
    {
        throw;
    }
    catch (const LockStoreError& problem)
    {
        const auto tooOld = whyTooOld(context);
        if (tooOld.empty())
            throw;
        throw LockStoreError(problem.message() + "; " + tooOld);
    }
}

void ElasticsearchLockStore::prepareToRead(const CallContext& context)
{
    requireNative();
    // An engine with a usable index is new enough.
    if (_engine->checkIndex(context))
        return;
    if (const auto tooOld = whyTooOld(context); !tooOld.empty())
        throw LockStoreError("cannot use the elasticsearch store " + _engine->addresses() + ": " + tooOld);
}

// An old engine refuses unknown requests without naming its version as the reason. Empty: the engine is new enough, or its version is
// unknown.
std::string ElasticsearchLockStore::whyTooOld(const CallContext& context)
{
    std::string version;
    try
    {
        version = engine(context);
    }
    catch (const LockStoreError&)
    {
        return {}; // the version stays unknown; the caller reports its own failure, if it has one
    }
    return isTooOld(version) ? "the engine is " + version + ": use Elasticsearch 7.10, OpenSearch 1.3, or newer" : std::string();
}

std::string ElasticsearchLockStore::encode(const BatchStep& step) const
{
    std::string lines;
    if (const auto* const acquire = step.acquire())
        appendBulkLines(lines, acquireOperation(*acquire));
    else if (const auto* const renewal = step.renewal())
        appendBulkLines(lines, renewOperation(*renewal));
    else
        appendBulkLines(lines, releaseOperation(*step.release()));
    return lines;
}

void ElasticsearchLockStore::carryOut(Batch& batch)
{
    const auto steps = batch.steps();
    auto withoutIndex = send({steps.begin(), steps.end()}, batch);
    if (withoutIndex.empty())
        return;
    batch.deliver();
    _engine->ensureIndex(batch.context());
    for (auto* const step : send(std::move(withoutIndex), batch))
        step->fail(LockStoreUnavailable(place() + ": the index vanished again; another process may be deleting it"));
}

// Sends the steps and sets their outcomes. Returns the acquires that found no index.
std::vector<BatchStep*> ElasticsearchLockStore::send(std::vector<BatchStep*> steps, Batch& batch)
{
    std::erase_if(steps, [&](auto* const step)
                  { return step->acquire() && !judging(*step, [&] { _engine->requireGrantsAllowed({}, step->acquire()->ttl); }); });
    std::vector<BatchStep*> withoutIndex;
    if (steps.empty())
        return withoutIndex;
    auto updates = _engine->updateAll(steps, batch);
    for (std::size_t index = 0; index < steps.size(); ++index)
    {
        auto& step = *steps[index];
        // Judge each item by its position: a bulk without errors can contain a lost lease.
        auto& item = updates.items[index];
        judging(step,
                [&]
                {
                    if (const auto* const renewal = step.renewal())
                        step.reply(judgedRenewal(*renewal, updates.verdict, item));
                    else if (step.release())
                        step.reply(judgedRelease(updates.verdict, std::move(item), updates.node));
                    else if (!judgeAcquire(step, updates.verdict, std::move(item), updates.node))
                        withoutIndex.push_back(&step);
                });
    }
    return withoutIndex;
}

// False: there is no index, so the step has no outcome.
bool ElasticsearchLockStore::judgeAcquire(BatchStep& step, const Verdict& request, EngineItem item, const std::string& node)
{
    const auto& wanted = *step.acquire();
    const auto reply = _engine->judged(request, std::move(item), node, {});
    if (reply.verdict.meaning == Meaning::indexMissing)
        return false;
    if (isFenceExhausted(wanted, reply.item))
        throw LockStoreError(place() + ": its next fence would exceed the greatest one, " + std::to_string(maxFence) +
                             ": nothing was granted; repair the record or the clock of the storage");
    const auto acquired = acquireReply(wanted, reply.item);
    if (!acquired || reply.verdict.meaning != Meaning::done)
        _engine->refuseNonsense(reply, {});
    // The index may have vanished while the request was under way. Then this grant is one of a new index.
    if (acquired->status == AcquireStatus::granted)
        _engine->requireGrantsAllowed({}, wanted.ttl);
    step.reply(*acquired);
    return true;
}

RenewReply ElasticsearchLockStore::judgedRenewal(const RenewRequest& request, const Verdict& whole, const EngineItem& item)
{
    const auto verdict = whole.meaning == Meaning::done ? judge(item) : whole;
    switch (verdict.meaning)
    {
    case Meaning::done:
        break;
    case Meaning::documentMissing:
        _engine->indexFound(item.error.indexUuid);
        return {.status = RenewStatus::lost};
    case Meaning::indexMissing:
        _engine->indexMissing();
        return {.status = RenewStatus::lost};
    case Meaning::transient:
        return {.status = RenewStatus::unavailable, .reason = verdict.why};
    default:
        return {.status = RenewStatus::failed, .reason = verdict.why};
    }
    const auto told = renewReply(request, item);
    return told ? *told : RenewReply{.status = RenewStatus::failed, .reason = "the engine's answer makes no sense"};
}

ReleaseReply ElasticsearchLockStore::judgedRelease(const Verdict& request, EngineItem item, const std::string& node)
{
    const auto reply = _engine->judged(request, std::move(item), node, {});
    if (reply.verdict.meaning == Meaning::documentMissing)
        _engine->indexFound(reply.item.error.indexUuid);
    if (reply.verdict.meaning != Meaning::done)
        return {};
    const auto released = releaseReply(reply.item);
    if (!released)
        _engine->refuseNonsense(reply, {});
    return *released;
}

std::optional<LockRecord> ElasticsearchLockStore::find(const std::string& name, const CallContext& context)
{
    requireNative();
    const std::string what = about("find", name);
    const auto reply = _engine->update(findOperation(name), what, context);
    if (reply.verdict.meaning != Meaning::done)
        return std::nullopt;
    const auto record = foundRecord(name, reply.item);
    if (!record)
        _engine->refuseNonsense(reply, what);
    return *record;
}

bool ElasticsearchLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    requireNative();
    const std::string what = about("break", name);
    const auto reply = _engine->update(breakOperation(name, expected, mode), what, context);
    if (reply.verdict.meaning != Meaning::done)
        return false;
    const auto done = broken(reply.item);
    if (!done)
        _engine->refuseNonsense(reply, what);
    return *done;
}

std::vector<LockRecord> ElasticsearchLockStore::list(const ListQuery& query, const CallContext& context)
{
    requireNative();
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
            // The search filtered by an earlier time than the `now` of the record, which may have expired in between.
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
    requireNative();
    const std::string what = "prune";
    if (!refresh(what, context))
        return 0;
    const auto found =
        _engine->request({"POST", LockSearch::path(_engine->options().index), LockSearch::dead(retention, prunedPerCall)}, what, context);
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
    // Ignore the failures of some records while others were forgotten: the next page has the failed ones again.
    if (forgotten == 0 && reply.verdict.meaning != Meaning::done)
        _engine->refuse(reply, what);
    return forgotten;
}

std::string ElasticsearchLockStore::engine(const CallContext& context)
{
    requireNative();
    const std::string what = "ask for the engine's version";
    const auto reply = _engine->request({"GET", "/", {}}, what, context);
    if (reply.verdict.meaning == Meaning::transient)
        _engine->refuse(reply, what);
    _engine->visitOthers(context);
    // A user with the right to use locks may lack the right to read this page.
    return reply.verdict.meaning == Meaning::done ? engineVersion(reply.body) : std::string();
}

// A search sees the documents of the last refresh. Without the right to refresh, it is at most 5 s behind. False: there is no index, so
// there are no locks.
bool ElasticsearchLockStore::refresh(const std::string& what, const CallContext& context)
{
    const auto reply = _engine->request(
        {"POST", "/" + Net::percentEncoded(_engine->options().index) + "/_refresh?filter_path=error.type,error.reason", {}}, what, context);
    if (reply.verdict.meaning == Meaning::indexMissing)
    {
        _engine->indexMissing();
        return false;
    }
    if (reply.verdict.meaning != Meaning::done && reply.verdict.meaning != Meaning::notPermitted)
        _engine->refuse(reply, what);
    return true;
}

} // namespace Leasehold
