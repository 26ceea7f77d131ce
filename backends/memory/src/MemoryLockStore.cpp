#include "Leasehold/MemoryLockStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/RecordSteps.h"
#include "Leasehold/Store/ReleaseHub.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "RecordTable.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <mutex>
#include <utility>

namespace Leasehold
{
namespace
{

using LeaseRules::Record;
using LeaseRules::StorageNow;

/// 64 shards: threads rarely need the same one, and a visit of a million records locks each for one or two milliseconds.
constexpr unsigned shardBits = 6;
constexpr std::size_t maxPruned = 1000;
constexpr std::chrono::hours maxMutexWait{1}; // keeps the arithmetic of the wait from overflowing

/// The records of a part of the names.
struct alignas(64) Shard
{
    std::timed_mutex mutex;
    RecordTable records;
};

std::size_t hashOf(const std::string& name)
{
    return std::hash<std::string>{}(name);
}

using Guard = std::unique_lock<std::timed_mutex>;

std::int64_t systemWallClock()
{
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

[[noreturn]] void refuseLate(const char* verb, const std::string& what, const char* why)
{
    throw LockStoreUnavailable(std::string("the memory store did not ") + verb + (what.empty() ? "" : " lock \"" + what + "\"") + ": " +
                               why + "; nothing changed");
}

void requireWanted(Milliseconds timeLeft, const CallContext& context, const char* verb, const std::string& what)
{
    if (timeLeft <= Milliseconds{0})
        refuseLate(verb, what, "the deadline of the call has passed");
    if (context.cancel().stop_requested())
        refuseLate(verb, what, "the call was cancelled");
}

void requireWanted(const CallContext& context, const char* verb, const std::string& what = {})
{
    requireWanted(context.timeLeft(), context, verb, what);
}

bool tryEnter(Guard& guard, Shard& shard, const CallContext& context)
{
    guard = Guard(shard.mutex, std::try_to_lock);
    return guard.owns_lock() || guard.try_lock_for(std::min<Milliseconds>(context.timeLeft(), maxMutexWait));
}

Guard enter(Shard& shard, const CallContext& context, const char* verb, const std::string& what = {})
{
    Guard guard;
    if (!tryEnter(guard, shard, context))
        refuseLate(verb, what, "other threads kept it busy until the deadline of the call");
    return guard;
}

/// The record of one name, for RecordSteps, changed in place.
class RecordInTable
{
public:
    RecordInTable(RecordTable& table, const std::string& name, std::size_t hash) :
        _table(table), _hash(hash), _entry(table.find(name, hash))
    {
    }

    std::optional<Record>& load(const std::string&) noexcept { return _entry ? _entry->record : _absent; }

    void save(const std::string& name, Record& record)
    {
        if (!_entry)
            _table.add(name, _hash, std::move(record));
    }

private:
    RecordTable& _table;
    const std::size_t _hash;
    RecordTable::Entry* const _entry;
    std::optional<Record> _absent{}; // of a name without a record; becomes the new one
};

bool byName(const LockRecord& left, const LockRecord& right)
{
    return left.name < right.name;
}

} // namespace

struct MemoryLockStore::State
{
    std::shared_ptr<const TimeSource> clock;
    WallClock wall;
    std::array<Shard, std::size_t{1} << shardBits> shards{};
    std::shared_ptr<ReleaseHub> feeds = std::make_shared<ReleaseHub>();
    std::atomic<std::size_t> pruneAt{0}; // the shard where the next page begins

    Shard& shardOf(std::size_t hash) { return shards[hash >> (std::numeric_limits<std::size_t>::digits - shardBits)]; }

    /// Call it with the shard's mutex locked: a step must not judge by an older time than the step before it.
    StorageNow now() const { return {judgingMs(clock->now()), wall()}; }

    /// For a step that neither grants nor shows a lock.
    StorageNow nowWithoutWall() const { return {judgingMs(clock->now()), 0}; }

    /// Reads the clock once, for the call's deadline and for the rule, because reading it is a large part of a step's cost.
    LocalTime nowIfWanted(const CallContext& context, const char* verb, const std::string& name) const
    {
        const auto read = clock->now();
        requireWanted(context.timeLeft(*clock, read), context, verb, name);
        return read;
    }

    static std::int64_t judgingMs(LocalTime read) { return std::chrono::floor<Milliseconds>(read.time_since_epoch()).count(); }
};

MemoryLockStore::MemoryLockStore(std::shared_ptr<const TimeSource> clock, WallClock wall) : _state(std::make_unique<State>())
{
    _state->clock = clock ? std::move(clock) : TimeSource::system();
    _state->wall = wall ? std::move(wall) : WallClock(systemWallClock);
}

MemoryLockStore::~MemoryLockStore() = default;

StoreInfo MemoryLockStore::info() const
{
    StoreInfo info;
    info.type = "memory";
    info.location = "in this process";
    info.clockUncertainty = Milliseconds{1}; // whole milliseconds: a lease may end by a part of one early
    info.reservesFences = true;
    info.tellsWanted = true;
    return info;
}

void MemoryLockStore::prepare(const CallContext& context)
{
    requireWanted(context, "prepare");
}

AcquireReply MemoryLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    const auto hash = hashOf(request.name);
    auto& shard = _state->shardOf(hash);
    const auto guard = enter(shard, context, "acquire", request.name);
    const StorageNow now{State::judgingMs(_state->nowIfWanted(context, "acquire", request.name)), _state->wall()};

    return RecordSteps::acquire(RecordInTable(shard.records, request.name, hash), request, now);
}

std::vector<RenewReply> MemoryLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    requireWanted(context, "renew");
    std::vector<RenewReply> replies(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i)
    {
        const auto& name = requests[i].lease.name;
        const auto hash = hashOf(name);
        auto& shard = _state->shardOf(hash);
        Guard guard;
        if (!tryEnter(guard, shard, context))
        {
            replies[i].reason = "other threads kept the memory store busy until the deadline of the call";
            continue; // unavailable: of this item only
        }
        replies[i] = RecordSteps::renew(RecordInTable(shard.records, name, hash), requests[i], _state->nowWithoutWall());
    }
    return replies;
}

ReleaseReply MemoryLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    const auto hash = hashOf(lease.name);
    auto& shard = _state->shardOf(hash);
    auto guard = enter(shard, context, "release", lease.name);
    const StorageNow now{State::judgingMs(_state->nowIfWanted(context, "release", lease.name)), 0};
    const auto reply = RecordSteps::release(RecordInTable(shard.records, lease.name, hash), lease, now);
    guard.unlock();
    if (reply.wanted)
        _state->feeds->tellFree(lease.name);
    return reply;
}

std::optional<LockRecord> MemoryLockStore::find(const std::string& name, const CallContext& context)
{
    requireWanted(context, "find", name);
    const auto hash = hashOf(name);
    auto& shard = _state->shardOf(hash);
    const auto guard = enter(shard, context, "find", name);
    return RecordSteps::find(RecordInTable(shard.records, name, hash), name, _state->now());
}

std::vector<LockRecord> MemoryLockStore::list(const ListQuery& query, const CallContext& context)
{
    // An index by name would cost every grant time and every lock memory, for a question that people ask rarely. So list visits all
    // records and keeps the first `limit` matching names in a heap, the last name on top.
    std::vector<LockRecord> page;
    for (auto& shard : _state->shards)
    {
        requireWanted(context, "list its locks");
        const auto guard = enter(shard, context, "list its locks");
        const auto now = _state->now();
        shard.records.forEach(
            [&](const RecordTable::Entry& entry)
            {
                const auto& name = entry.name;
                const bool fits = name > query.after && name.starts_with(query.prefix) && LeaseRules::isLive(*entry.record, now);
                if (!fits || query.limit == 0 || (page.size() == query.limit && name > page.front().name))
                    return;
                if (page.size() == query.limit)
                {
                    std::ranges::pop_heap(page, byName);
                    page.pop_back();
                }
                page.push_back(RecordSteps::toLockRecord(name, *entry.record, now));
                std::ranges::push_heap(page, byName);
            });
    }
    std::ranges::sort_heap(page, byName);
    return page;
}

bool MemoryLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    requireWanted(context, "break", name);
    const auto hash = hashOf(name);
    auto& shard = _state->shardOf(hash);
    auto guard = enter(shard, context, "break", name);
    const bool broken = RecordSteps::breakLock(RecordInTable(shard.records, name, hash), name, expected, mode, _state->nowWithoutWall());
    guard.unlock();
    if (broken && mode == BreakMode::now)
        _state->feeds->tellFree(name);
    return broken;
}

std::unique_ptr<ReleaseFeed> MemoryLockStore::releaseFeed(ReleaseSink& sink)
{
    return _state->feeds->makeFeed(sink);
}

std::size_t MemoryLockStore::prune(Milliseconds retention, const CallContext& context)
{
    requireWanted(context, "prune");
    std::size_t pruned = 0;
    for (std::size_t looked = 0; looked < _state->shards.size(); ++looked)
    {
        // The page may end early, at its limit or at the deadline; the next page continues here.
        Guard guard;
        const auto at = _state->pruneAt.load(std::memory_order_relaxed);
        auto& shard = _state->shards[at % _state->shards.size()];
        if (context.timeLeft() <= Milliseconds{0} || context.cancel().stop_requested() || !tryEnter(guard, shard, context))
            return pruned;
        const auto now = _state->now();
        const auto isForgettable = [&](const RecordTable::Entry& entry)
        { return LeaseRules::isForgettable(*entry.record, retention, now); };
        pruned += shard.records.eraseIf(maxPruned - pruned, isForgettable);
        if (pruned == maxPruned)
            return pruned;
        _state->pruneAt.store(at + 1, std::memory_order_relaxed);
    }
    return pruned;
}

void registerMemoryStore(StoreRegistry& registry)
{
    registry.add("memory", [](StoreSettings&) { return std::make_shared<MemoryLockStore>(); }, {{.scheme = "memory"}});
}

} // namespace Leasehold
