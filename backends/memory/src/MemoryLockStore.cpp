#include "Leasehold/MemoryLockStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LeaseRules.h"
#include "Leasehold/StoreRegistry.h"
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

/// So many that threads seldom meet in one, and that a walk through a million records keeps each for a millisecond or two only.
constexpr unsigned shardBits = 6;
constexpr std::size_t mostPruned = 1000;
constexpr std::chrono::hours longestMutexWait{1}; // keeps the arithmetic of the wait from overflowing

/// A part of the names.
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
    return guard.owns_lock() || guard.try_lock_for(std::min<Milliseconds>(context.timeLeft(), longestMutexWait));
}

Guard enter(Shard& shard, const CallContext& context, const char* verb, const std::string& what = {})
{
    Guard guard;
    if (!tryEnter(guard, shard, context))
        refuseLate(verb, what, "other threads kept it busy until the deadline of the call");
    return guard;
}

LockRecord toLockRecord(const std::string& name, const Record& record, const StorageNow& now)
{
    // The clock that judges has an origin of its own; people are shown the wall clock.
    const auto toWall = now.wallMicroseconds / 1000 - now.ms;
    LockRecord shown;
    shown.name = name;
    shown.fence = record.fence;
    shown.acquiredAt = StorageTime{Milliseconds{record.acquiredAt + toWall}};
    shown.expiresAt = StorageTime{Milliseconds{record.expiresAt + toWall}};
    shown.ttl = Milliseconds{record.ttl};
    shown.remaining = LeaseRules::remaining(record, now);
    shown.metadata = record.metadata;
    return shown;
}

bool byName(const LockRecord& left, const LockRecord& right)
{
    return left.name < right.name;
}

} // namespace

struct MemoryLockStore::State
{
    std::shared_ptr<const Clock> clock;
    WallClock wall;
    std::array<Shard, std::size_t{1} << shardBits> shards{};
    std::atomic<std::size_t> pruneAt{0}; // the shard where the next page begins

    Shard& shardOf(std::size_t hash) { return shards[hash >> (std::numeric_limits<std::size_t>::digits - shardBits)]; }

    /// Read inside the shard's mutex: a step must not judge by an older time than the step before it.
    StorageNow now() const { return {judgingMs(clock->now()), wall()}; }

    /// For a step that neither grants nor shows anything.
    StorageNow nowWithoutWall() const { return {judgingMs(clock->now()), 0}; }

    /// The clock, read once for both: what the call may still take, and by what it is judged. It is a good part of what a step costs.
    LocalTime nowIfWanted(const CallContext& context, const char* verb, const std::string& name) const
    {
        const auto read = clock->now();
        requireWanted(context.timeLeft(*clock, read), context, verb, name);
        return read;
    }

    static std::int64_t judgingMs(LocalTime read) { return std::chrono::floor<Milliseconds>(read.time_since_epoch()).count(); }
};

MemoryLockStore::MemoryLockStore(std::shared_ptr<const Clock> clock, WallClock wall) : _state(std::make_unique<State>())
{
    _state->clock = clock ? std::move(clock) : Clock::system();
    _state->wall = wall ? std::move(wall) : WallClock(systemWallClock);
}

MemoryLockStore::~MemoryLockStore() = default;

StoreInfo MemoryLockStore::info() const
{
    StoreInfo info;
    info.type = "memory";
    info.location = "in this process";
    info.clockUncertainty = Milliseconds{1}; // whole milliseconds: a lease may end by a part of one early
    info.sparesFences = true;
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

    auto* entry = shard.records.find(request.name, hash);
    AcquireReply reply;
    if (entry)
        reply.status = LeaseRules::acquire(entry->record, request, now).status;
    else
    {
        std::optional<Record> fresh; // not yet in the table: the rule may throw
        reply.status = LeaseRules::acquire(fresh, request, now).status;
        entry = &shard.records.add(request.name, hash, std::move(fresh));
    }

    if (reply.status == AcquireStatus::spent)
        reply.record.name = request.name;
    else
        reply.record = toLockRecord(request.name, *entry->record, now);
    return reply;
}

std::vector<RenewReply> MemoryLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    requireWanted(context, "renew");
    std::vector<RenewReply> replies(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i)
    {
        const auto& [lease, ttl] = requests[i];
        const auto hash = hashOf(lease.name);
        auto& shard = _state->shardOf(hash);
        Guard guard;
        if (!tryEnter(guard, shard, context))
        {
            replies[i].reason = "other threads kept the memory store busy until the deadline of the call";
            continue; // unavailable: of this item only
        }
        auto* const entry = shard.records.find(lease.name, hash);
        const bool renewed = entry && LeaseRules::renew(entry->record, lease, ttl, _state->nowWithoutWall());
        replies[i].status = renewed ? RenewStatus::renewed : RenewStatus::lost;
        replies[i].remaining = renewed ? ttl : Milliseconds{0};
    }
    return replies;
}

ReleaseStatus MemoryLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    const auto hash = hashOf(lease.name);
    auto& shard = _state->shardOf(hash);
    const auto guard = enter(shard, context, "release", lease.name);
    const StorageNow now{State::judgingMs(_state->nowIfWanted(context, "release", lease.name)), 0};
    auto* const entry = shard.records.find(lease.name, hash);
    bool changed = false;
    return entry ? LeaseRules::release(entry->record, lease, now, changed) : ReleaseStatus::notHeld;
}

std::optional<LockRecord> MemoryLockStore::find(const std::string& name, const CallContext& context)
{
    requireWanted(context, "find", name);
    const auto hash = hashOf(name);
    auto& shard = _state->shardOf(hash);
    const auto guard = enter(shard, context, "find", name);
    const auto now = _state->now();
    const auto* const entry = shard.records.find(name, hash);
    if (!entry || !LeaseRules::isLive(*entry->record, now))
        return std::nullopt;
    return toLockRecord(name, *entry->record, now);
}

std::vector<LockRecord> MemoryLockStore::list(const ListQuery& query, const CallContext& context)
{
    // An index by name would cost every grant time and every lock memory, for a question that people ask. So all records are
    // looked at, and of those that fit the first `limit` are kept in a heap, the last name on top.
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
                page.push_back(toLockRecord(name, *entry.record, now));
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
    const auto guard = enter(shard, context, "break", name);
    auto* const entry = shard.records.find(name, hash);
    return entry && LeaseRules::breakLock(entry->record, expected, mode, _state->nowWithoutWall());
}

std::size_t MemoryLockStore::prune(Milliseconds retention, const CallContext& context)
{
    requireWanted(context, "prune");
    std::size_t pruned = 0;
    for (std::size_t looked = 0; looked < _state->shards.size(); ++looked)
    {
        // A page that ends early, full or late, is a smaller page: the next one goes on where this one stopped.
        Guard guard;
        const auto at = _state->pruneAt.load(std::memory_order_relaxed);
        auto& shard = _state->shards[at % _state->shards.size()];
        if (context.timeLeft() <= Milliseconds{0} || context.cancel().stop_requested() || !tryEnter(guard, shard, context))
            return pruned;
        const auto now = _state->now();
        const auto isForgettable = [&](const RecordTable::Entry& entry)
        { return LeaseRules::isForgettable(*entry.record, retention, now); };
        pruned += shard.records.eraseIf(mostPruned - pruned, isForgettable);
        if (pruned == mostPruned)
            return pruned;
        _state->pruneAt.store(at + 1, std::memory_order_relaxed);
    }
    return pruned;
}

void registerMemoryStore(StoreRegistry& registry)
{
    registry.add("memory", [](StoreSettings&) { return std::make_shared<MemoryLockStore>(); });
}

} // namespace Leasehold
