#include "Leasehold/Fence.h"
#include "brokenStores.h"

#include <algorithm>
#include <atomic>

namespace Leasehold
{
namespace
{

/// Changes the fence of new grants only.
class NewFenceLockStore : public ReferenceLockStore
{
protected:
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto before = slot;
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::granted && (!before || before->token != slot->token))
            slot->fence = newFence(before, slot->fence, request.fenceFloor);
        return status;
    }

    virtual Fence newFence(const Slot& before, Fence right, Fence floor) = 0;
};

class FenceIsAPlainCounter : public NewFenceLockStore
{
    using NewFenceLockStore::NewFenceLockStore;
    Fence newFence(const Slot& before, Fence, Fence floor) override { return std::max(before ? before->fence : 0, floor) + 1; }
};

class FenceRestartsAfterARelease : public NewFenceLockStore
{
    using NewFenceLockStore::NewFenceLockStore;
    Fence newFence(const Slot& before, Fence right, Fence floor) override
    {
        const bool deleted = before && before->standing == LeaseRules::Standing::released;
        return deleted ? floor + 1 : right;
    }
};

class FenceRestartsAfterAPrune : public NewFenceLockStore
{
    using NewFenceLockStore::NewFenceLockStore;
    Fence newFence(const Slot& before, Fence right, Fence floor) override { return !before && _pruned ? floor + 1 : right; }
    std::size_t prune(Milliseconds retention, const CallContext& context) override
    {
        const auto forgotten = ReferenceLockStore::prune(retention, context);
        _pruned = _pruned || forgotten != 0;
        return forgotten;
    }

    std::atomic<bool> _pruned{false};
};

class FenceRestartsAfterARestart : public NewFenceLockStore
{
    using NewFenceLockStore::NewFenceLockStore;
    Fence newFence(const Slot& before, Fence right, Fence floor) override
    {
        const auto restarted = storage().restartedAt();
        return before && restarted && before->acquiredAt <= *restarted ? floor + 1 : right;
    }
};

class FenceIsTheClockAlone : public NewFenceLockStore
{
    using NewFenceLockStore::NewFenceLockStore;
    Fence newFence(const Slot&, Fence, Fence) override { return static_cast<Fence>(now().wallMicroseconds); }
};

template <Fence AcquireRequest::*parameter>
class FenceIgnores : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        auto without = request;
        without.*parameter = 0;
        return ReferenceLockStore::acquireStep(slot, without, now);
    }
};

class FenceWrapsAtItsLimit : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        if (slot && slot->fence >= maxFence && !LeaseRules::isLive(*slot, now))
            slot->fence = 0;
        return ReferenceLockStore::acquireStep(slot, request, now);
    }
};

class FenceIsRaisedByAReplay : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const bool replay = slot && LeaseRules::isLive(*slot, now) && slot->token == request.token;
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (replay && status == AcquireStatus::granted)
            ++slot->fence;
        return status;
    }
};

class FenceIsOneForAllLocks : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
    {
        auto lifted = request;
        lifted.fenceFloor = storage().enter(
            [&](Records& records)
            {
                Fence highest = request.fenceFloor;
                for (const auto& [name, slot] : records)
                    highest = std::max(highest, slot ? slot->fence : 0);
                return highest;
            });
        return ReferenceLockStore::acquire(lifted, context);
    }
};

class PruneForgetsFencesAheadOfTheClock : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool mayForget(const Record& record, Milliseconds retention, const Now& now) const override
    {
        return !LeaseRules::isLive(record, now) && now.ms - record.expiresAt > retention.count();
    }
};

class PruneIgnoresTheRetention : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool mayForget(const Record& record, Milliseconds, const Now& now) const override
    {
        return ReferenceLockStore::mayForget(record, Milliseconds{1}, now);
    }
};

class PruneCountsFromTheGrant : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool mayForget(const Record& record, Milliseconds retention, const Now& now) const override
    {
        auto fromTheGrant = record;
        fromTheGrant.expiresAt = std::min(record.expiresAt, record.acquiredAt);
        return !LeaseRules::isLive(record, now) && ReferenceLockStore::mayForget(fromTheGrant, retention, now);
    }
};

class PruneForgetsReleasedLocksOnly : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool mayForget(const Record& record, Milliseconds retention, const Now& now) const override
    {
        return record.standing == LeaseRules::Standing::released && ReferenceLockStore::mayForget(record, retention, now);
    }
};

class PruneForgetsLiveLocks : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool mayForget(const Record& record, Milliseconds retention, const Now& now) const override
    {
        return now.ms - record.acquiredAt > retention.count();
    }
};

class PruneHasNoBound : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::size_t maxPruned() const override { return static_cast<std::size_t>(-1); }
};

} // namespace

void addBrokenFences(std::vector<BrokenStore>& stores)
{
    stores.insert(
        stores.end(),
        {brokenStore<FenceIsAPlainCounter>("fenceIsAPlainCounter",
                                           "counters in a storage that a backup sets back, as in all SQL libraries"),
         brokenStore<FenceRestartsAfterARelease>("fenceRestartsAfterARelease", "madelson's MongoDB provider; the Azure sample"),
         brokenStore<FenceRestartsAfterAPrune>("fenceRestartsAfterAPrune", "madelson's MongoDB provider: a TTL index deletes the counter"),
         brokenStore<FenceRestartsAfterARestart>("fenceRestartsAfterARestart", "a counter in the memory of a server"),
         brokenStore<FenceIsTheClockAlone>("fenceIsTheClockAlone", "timestamps for fences: equal in one tick, less after a step"),
         brokenStore<FenceIgnores<&AcquireRequest::fenceFloor>>("fenceIgnoresTheFloor",
                                                                "a parameter that one of several statements forgets"),
         brokenStore<FenceIgnores<&AcquireRequest::reservedFences>>("fencesToSpareAreForgotten",
                                                                    "another parameter that one of several statements forgets"),
         brokenStore<FenceWrapsAtItsLimit>("fenceWrapsAtItsLimit", "an integer that overflows, as redlock-cpp's did"),
         brokenStore<FenceIsRaisedByAReplay>("fenceIsRaisedByAReplay", "an increment in front of the look at the token"),
         brokenStore<FenceIsOneForAllLocks>("fenceIsOneForAllLocks", "a sequence for the whole table: one lock's floor lifts every other"),
         brokenStore<PruneForgetsFencesAheadOfTheClock>("pruneForgetsFencesAheadOfTheClock", "a clean-up by the time of death alone"),
         brokenStore<PruneIgnoresTheRetention>("pruneIgnoresTheRetention", "a delete at the end of a lease, as a TTL index does it"),
         brokenStore<PruneCountsFromTheGrant>("pruneCountsFromTheGrant",
                                              "a clean-up by the fence alone: a lock that was held for long is forgotten at once"),
         brokenStore<PruneForgetsReleasedLocksOnly>("pruneForgetsReleasedLocksOnly", "a clean-up that forgets crashed holders"),
         brokenStore<PruneForgetsLiveLocks>("pruneForgetsLiveLocks", "a clean-up by age"),
         brokenStore<PruneHasNoBound>("pruneHasNoBound", "DELETE without LIMIT: a clean-up that holds up every lease")});
}

} // namespace Leasehold
