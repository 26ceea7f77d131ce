#include "Leasehold/ElasticsearchLockStore.h"

#include "EngineAnswer.h"
#include "EngineTrouble.h"
#include "EngineVersion.h"
#include "GroupCommit.h"
#include "HttpTransport.h"
#include "LockIndex.h"
#include "LockOperations.h"
#include "LockSearch.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <mutex>
#include <random>
#include <type_traits>

namespace Leasehold
{

namespace
{

constexpr std::size_t pruneAtMost = 1000;
// How far the clocks of two nodes may differ, of which the one and, after a failover, the other judges a lease.
constexpr Milliseconds clockUncertainty{50};
constexpr const char* keyPrefix = "leasehold.store.elasticsearch.";

HttpTransport::Options transportOptions(const ElasticsearchOptions& options)
{
    HttpTransport::Options result;
    for (const auto& url : options.nodes)
        result.nodes.push_back(HttpNode::parse(url, std::string(keyPrefix) + "url"));
    if (result.nodes.empty())
        throw LockConfigurationError(std::string(keyPrefix) + "url names no node");
    result.user = options.user;
    result.password = options.password;
    result.apiKey = options.apiKey;
    result.caFile = options.caFile;
    result.keyPrefix = keyPrefix;
    result.firstNode = std::random_device{}();
    return result;
}

/// What a call is about, for messages.
std::string about(const char* verb, const std::string& name)
{
    return std::string(verb) + " the lock \"" + name + "\"";
}

} // namespace

/// The requests, and what this process knows of the index.
class ElasticsearchLockStore::Engine
{
public:
    explicit Engine(ElasticsearchOptions options) :
        _options(std::move(options)), _transport(transportOptions(_options)),
        _place("elasticsearch store " + _transport.addresses() + ", index " + _options.index),
        _together([this](std::span<const GroupCommit::Operations* const> calls, const CallLimit& limit)
                  { return sendTogether(calls, limit); },
                  {})
    {
    }

    const ElasticsearchOptions& options() const { return _options; }
    const HttpTransport& transport() const { return _transport; }

    struct Reply
    {
        EngineAnswer answer{};
        Verdict verdict{};
        std::string body{};
        std::string node{};
    };

    /// One request. Throws if there is no answer; what the answer means is the caller's affair.
    Reply request(const HttpRequest& request, const std::string& what, const CallContext& context)
    {
        return explaining(what, [&] { return send(request, CallLimit::of(context)); });
    }

    /// What became of one operation.
    struct Carried
    {
        EngineItem item{};
        Verdict verdict{};
        std::string node{};
    };

    /// One operation, together with those of other threads if requests are under way. Returns only if it was carried out, or found no
    /// document or no index. It may be sent twice: see GroupCommit.
    Carried update(LockOperation operation, const std::string& what, const CallContext& context)
    {
        GroupCommit::Operations operations;
        operations.push_back(std::move(operation));
        return judged(explaining(what, [&] { return _together.carryOut(std::move(operations), CallLimit::of(context)); }), what);
    }

    /// The same by itself, and never sent twice.
    Carried updateOnce(LockOperation operation, const std::string& what, const CallContext& context)
    {
        const GroupCommit::Operations operations{std::move(operation)};
        const auto* const call = &operations;
        return judged(explaining(what, [&] { return sendTogether({&call, 1}, CallLimit::of(context)); }), what);
    }

    /// Several operations of one call: an item for each, by position.
    GroupReply updateAll(GroupCommit::Operations operations, const std::string& what, const CallContext& context)
    {
        return explaining(what, [&] { return _together.carryOut(std::move(operations), CallLimit::of(context)); });
    }

    const GroupCommit::Bounds& bounds() const { return _together.bounds(); }

    /// Throws what the verdict of a reply asks for.
    template <typename AnyReply>
    [[noreturn]] void refuse(const AnyReply& reply, const std::string& what) const
    {
        const std::string message = "cannot " + what + " in the " + _place + ": " + reply.node + " answered with " + reply.verdict.why;
        // An index that vanishes while it is looked for can be made by the next try.
        if (reply.verdict.meaning == Meaning::transient || reply.verdict.meaning == Meaning::indexMissing)
            throw LockStoreUnavailable(message);
        throw LockStoreError(message);
    }

    template <typename AnyReply>
    [[noreturn]] void refuseNonsense(const AnyReply& reply, const std::string& what) const
    {
        throw LockStoreError("cannot " + what + " in the " + _place + ": the answer of " + reply.node +
                             " makes no sense: is it an Elasticsearch or OpenSearch node, and does only this store write to the index?");
    }

    /// How long the engine may wait for a shard: it does not bound a request, but what is given up by us should not be done later.
    template <typename Limit>
    static Milliseconds engineTimeout(const Limit& limit)
    {
        const Milliseconds left = limit.timeLeft();
        return std::max(left - std::max(left / 10, Milliseconds(50)), Milliseconds(1));
    }

    /// Makes and checks the index. Rights that are missing for that are no error: an operator may have made it.
    void ensureIndex(const CallContext& context)
    {
        const std::string what = "prepare";
        for (int tries = 1;; ++tries)
        {
            auto reply =
                request({"GET", "/" + percentEncoded(_options.index) + "?filter_path=*.mappings,*.settings.index.uuid", {}}, what, context);
            if (reply.verdict.meaning == Meaning::notPermitted)
                return;
            if (reply.verdict.meaning == Meaning::done)
            {
                const auto state = LockIndex::examine(_options.index, reply.body);
                if (!state)
                    refuseNonsense(reply, what);
                if (!state->problem.empty())
                    throw LockStoreError("cannot use the " + _place + ": " + state->problem);
                indexIs(state->uuid);
                return;
            }
            if (reply.verdict.meaning != Meaning::indexMissing)
                refuse(reply, what);
            missing();
            if (tries > 1)
                throw LockStoreUnavailable("cannot prepare the " + _place + ": the index " + LockIndex::firstIndexOf(_options.index) +
                                           " exists, but the alias " + _options.index +
                                           " does not: another process may be making them just now; if it stays so, add the alias");
            const std::string path = "/" + percentEncoded(LockIndex::firstIndexOf(_options.index)) +
                                     "?timeout=" + std::to_string(engineTimeout(context).count()) + "ms";
            auto made = request({"PUT", path, LockIndex::definition(_options.index, _options.replicas)}, what, context);
            if (made.verdict.meaning == Meaning::notPermitted)
                throw LockStoreError("cannot prepare the " + _place + ": the index is missing and " + made.node + " answered " +
                                     made.verdict.why + ", so it cannot be made: let an operator make it, or give the right create_index");
            if (made.verdict.meaning != Meaning::done && made.verdict.meaning != Meaning::alreadyExists)
                refuse(made, what);
        }
    }

    void seen()
    {
        const std::lock_guard lock(_mutex);
        _seen = true;
    }

    /// There is no index behind the alias.
    void missing()
    {
        const std::lock_guard lock(_mutex);
        if (_seen)
            loseAll();
    }

    /// The index behind the alias is this one; empty: unknown.
    void indexIs(const std::string& uuid)
    {
        const std::lock_guard lock(_mutex);
        _seen = true;
        if (!_uuid.empty() && !uuid.empty() && uuid != _uuid)
            loseAll();
        if (!uuid.empty())
            _uuid = uuid;
    }

    /// A lease of ours has no document in the index with this id: if that is another index than before, all are gone.
    void leaseHasNoDocument(const std::string& uuid)
    {
        const std::lock_guard lock(_mutex);
        if (_uuid.empty() || uuid.empty() || uuid == _uuid)
            return;
        loseAll();
        _uuid = uuid;
    }

    /// Throws while others may hold leases that a vanished index knew of.
    void requireNoneRemain(const std::string& name, Milliseconds ttl)
    {
        const std::lock_guard lock(_mutex);
        _longestTtl = std::max(_longestTtl, ttl);
        if (!_vanishedAt)
            return;
        const auto left = std::chrono::ceil<Milliseconds>(*_vanishedAt + _longestTtl - Clock::system()->now());
        if (left.count() <= 0)
            _vanishedAt.reset();
        else
            throw LockStoreUnavailable(
                "cannot " + about("acquire", name) + " in the " + _place +
                ": the index vanished while it was in use, and others may still believe in leases that it held; nothing is granted for " +
                formatDuration(left) + " more");
    }

private:
    Reply send(const HttpRequest& request, const CallLimit& limit)
    {
        auto answer = _transport.send(request, limit);
        Reply reply;
        reply.answer = readEngineAnswer(answer.status, answer.contentType, answer.body);
        reply.verdict = judge(reply.answer, answer.contentType);
        reply.body = std::move(answer.body);
        reply.node = std::move(answer.node);
        return reply;
    }

    /// One operation as an `_update`, several as a `_bulk`.
    GroupReply sendTogether(std::span<const GroupCommit::Operations* const> calls, const CallLimit& limit)
    {
        std::size_t count = 0;
        for (const auto* const operations : calls)
            count += operations->size();
        const auto timeout = engineTimeout(limit);
        if (count == 1)
        {
            const auto& operation = calls.front()->front();
            auto reply = send({"POST", updatePath(_options.index, operation, timeout), operation.body}, limit);
            GroupReply result{std::move(reply.verdict), {}, std::move(reply.node)};
            result.items.push_back(std::move(reply.answer.whole));
            // The engine did answer, about this document.
            if (result.verdict.meaning == Meaning::documentMissing)
                result.verdict = {Meaning::done, {}};
            return result;
        }

        std::string body;
        for (const auto* const operations : calls)
        {
            for (const auto& operation : *operations)
                appendBulkLines(body, operation);
        }
        auto reply = send({"POST", bulkPath(_options.index, timeout), std::move(body), "application/x-ndjson"}, limit);
        const int status = reply.answer.whole.status;
        GroupReply result{std::move(reply.verdict), std::move(reply.answer.items), std::move(reply.node)};
        result.contentRefused = result.verdict.meaning == Meaning::permanent && (status == 400 || status == 413);
        if (result.verdict.meaning == Meaning::done && result.items.size() != count)
            result.verdict = {Meaning::permanent, std::to_string(result.items.size()) + " items for " + std::to_string(count) +
                                                      " operations: is it an Elasticsearch or OpenSearch node?"};
        return result;
    }

    /// What `call` returns. If it has no answer, throws what this means for the caller, saying what could not be done.
    template <typename Call>
    std::invoke_result_t<Call> explaining(const std::string& what, Call call) const
    {
        try
        {
            return call();
        }
        catch (const HttpFailure& failure)
        {
            const std::string message =
                "cannot " + what + " in the " + _place + ": " + failure.what() +
                (failure.outcome() == HttpFailure::Outcome::notSent ? "; nothing was sent" : "; whether it took effect is unknown");
            if (failure.isPermanent())
                throw LockStoreError(message);
            throw LockStoreUnavailable(message);
        }
    }

    Carried judged(GroupReply reply, const std::string& what)
    {
        Carried carried{{}, std::move(reply.verdict), std::move(reply.node)};
        if (carried.verdict.meaning == Meaning::done)
        {
            carried.item = std::move(reply.items.front());
            carried.verdict = judge(carried.item);
        }
        switch (carried.verdict.meaning)
        {
        case Meaning::done:
        case Meaning::documentMissing:
            seen();
            return carried;
        case Meaning::indexMissing:
            missing();
            return carried;
        default:
            refuse(carried, what);
        }
    }

    void loseAll()
    {
        _seen = false;
        _uuid.clear();
        _vanishedAt = Clock::system()->now();
    }

    ElasticsearchOptions _options;
    HttpTransport _transport;
    std::string _place;
    GroupCommit _together;
    std::mutex _mutex; // the rest
    bool _seen = false;
    std::string _uuid;
    Milliseconds _longestTtl{};
    std::optional<LocalTime> _vanishedAt;
};

ElasticsearchLockStore::ElasticsearchLockStore(ElasticsearchOptions options) : _engine(std::make_unique<Engine>(std::move(options))) {}

ElasticsearchLockStore::~ElasticsearchLockStore() = default;

StoreInfo ElasticsearchLockStore::info() const
{
    StoreInfo info;
    info.type = "elasticsearch";
    info.location = _engine->transport().addresses() + ", index " + _engine->options().index;
    info.durable = true;
    info.sharedAcrossHosts = true;
    info.clockUncertainty = clockUncertainty;
    return info;
}

void ElasticsearchLockStore::prepare(const CallContext& context)
{
    _engine->ensureIndex(context);
    const auto reply = _engine->updateOnce(probeOperation(), "prepare", context);
    if (reply.verdict.meaning == Meaning::indexMissing)
        throw LockStoreError("cannot prepare the elasticsearch store " + _engine->transport().addresses() + ": there is no alias " +
                             _engine->options().index + " and this user may not look for it: let an operator make the index");
}

AcquireReply ElasticsearchLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    const std::string what = about("acquire", request.name);
    const auto operation = acquireOperation(request);
    for (int tries = 1;; ++tries)
    {
        _engine->requireNoneRemain(request.name, request.ttl);
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
            _engine->requireNoneRemain(request.name, request.ttl);
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
                _engine->missing();
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
        _engine->leaseHasNoDocument(item.error.indexUuid);
        return {.status = RenewStatus::lost};
    case Meaning::indexMissing:
        _engine->missing();
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
        _engine->leaseHasNoDocument(reply.item.error.indexUuid);
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
        {"POST", bulkPath(_engine->options().index, Engine::engineTimeout(context)), std::move(body), "application/x-ndjson"}, what,
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
        _engine->missing();
        return false;
    }
    if (reply.verdict.meaning != Meaning::done && reply.verdict.meaning != Meaning::notPermitted)
        _engine->refuse(reply, what);
    return true;
}

} // namespace Leasehold
