#include "brokenStores.h"

#include <algorithm>

namespace Leasehold
{
namespace
{

using LeaseRules::Standing;

class ReleaseWithoutOwnerCheck : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseStatus releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        return ReferenceLockStore::releaseStep(slot, slot ? LeaseRef{lease.name, slot->token, slot->fence} : lease, now);
    }
};

class ReleaseWithoutFenceCheck : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseStatus releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        return ReferenceLockStore::releaseStep(slot, slot ? LeaseRef{lease.name, lease.token, slot->fence} : lease, now);
    }
};

class ReleaseOfAnExpiredLeaseSucceeds : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseStatus releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        const bool ours = slot && slot->token == lease.token && slot->fence == lease.fence;
        const bool expired = ours && slot->standing == Standing::held && !LeaseRules::isLive(*slot, now);
        return expired ? ReleaseStatus::released : ReferenceLockStore::releaseStep(slot, lease, now);
    }
};

class ReleaseFreesLate : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseStatus releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        const auto before = slot;
        const auto status = ReferenceLockStore::releaseStep(slot, lease, now);
        if (status == ReleaseStatus::released && before->standing == Standing::held)
        {
            slot = before;
            slot->standing = Standing::broken;
            slot->expiresAt = now.ms + 1000;
        }
        return status;
    }
};

class ReplayedReleaseIsALoss : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseStatus releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        return slot && slot->standing == Standing::released ? ReleaseStatus::notHeld : ReferenceLockStore::releaseStep(slot, lease, now);
    }
};

class RenewWithoutOwnerCheck : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        auto theirs = request;
        if (slot)
            theirs.lease = {request.lease.name, slot->token, slot->fence};
        return ReferenceLockStore::renewStep(slot, theirs, now);
    }
};

class RenewWithoutFenceCheck : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        auto current = request;
        if (slot)
            current.lease.fence = slot->fence;
        return ReferenceLockStore::renewStep(slot, current, now);
    }
};

class RenewTellsSuccessAlways : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        ReferenceLockStore::renewStep(slot, request, now);
        return true;
    }
};

class RenewRevivesAnExpiredLease : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        if (slot && slot->standing == Standing::held)
            slot->expiresAt = std::max(slot->expiresAt, now.ms + 1);
        return ReferenceLockStore::renewStep(slot, request, now);
    }
};

class RenewRevivesAReleasedLease : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        if (slot && slot->standing == Standing::released && slot->token == request.lease.token)
        {
            slot->standing = Standing::held;
            slot->expiresAt = now.ms + 1;
        }
        return ReferenceLockStore::renewStep(slot, request, now);
    }
};

class RenewCreates : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        if (!slot)
            acquireStep(slot, {request.lease.name, request.lease.token, request.ttl, "{}", 0}, now);
        return ReferenceLockStore::renewStep(slot, {{request.lease.name, request.lease.token, slot->fence}, request.ttl}, now);
    }
};

class BreakHitsTheSuccessor : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool breakStep(Slot& slot, Fence expected, BreakMode mode, const Now& now) override
    {
        return ReferenceLockStore::breakStep(slot, slot ? slot->fence : expected, mode, now);
    }
};

class BreakNeverWaitsForTheEnd : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool breakStep(Slot& slot, Fence expected, BreakMode, const Now& now) override
    {
        return ReferenceLockStore::breakStep(slot, expected, BreakMode::now, now);
    }
};

class BrokenLockIsStillRenewed : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool breakStep(Slot& slot, Fence expected, BreakMode mode, const Now& now) override
    {
        if (mode == BreakMode::whenItEnds) // only noted
            return slot && LeaseRules::isLive(*slot, now) && slot->fence == expected;
        return ReferenceLockStore::breakStep(slot, expected, mode, now);
    }
};

} // namespace

void addBrokenHolderChecks(std::vector<BrokenStore>& stores)
{
    stores.insert(
        stores.end(),
        {brokenStore<ReleaseWithoutOwnerCheck>("releaseWithoutOwnerCheck", "ShedLock's Elasticsearch and in-memory providers; cronlock"),
         brokenStore<ReleaseWithoutFenceCheck>("releaseWithoutFenceCheck", "whoever takes the token for the whole identity of a lease"),
         brokenStore<ReleaseOfAnExpiredLeaseSucceeds>("releaseOfAnExpiredLeaseSucceeds",
                                                      "a delete by token alone: the loss is never told to the one who had it"),
         brokenStore<ReleaseFreesLate>("releaseFreesLate", "Consul's lock-delay, when it applies to clean releases too"),
         brokenStore<ReplayedReleaseIsALoss>("replayedReleaseIsALoss", "a release that deletes: jetcd's retried requests"),
         brokenStore<RenewWithoutOwnerCheck>("renewWithoutOwnerCheck", "SQL providers that update by name or host name"),
         brokenStore<RenewWithoutFenceCheck>("renewWithoutFenceCheck", "userver: a pause, and the token is somebody's later lease"),
         brokenStore<RenewTellsSuccessAlways>("renewTellsSuccessAlways", "Kibana's extendTtl; redis-plus-plus RedMutexTx"),
         brokenStore<RenewRevivesAnExpiredLease>("renewRevivesAnExpiredLease", "an update by token without a look at the time"),
         brokenStore<RenewRevivesAReleasedLease>("renewRevivesAReleasedLease",
                                                 "Redisson #7272; tristanls/dynamodb-lock-client#1; Kibana PR 216781"),
         brokenStore<RenewCreates>("renewCreates", "userver: its renewal is its acquire"),
         brokenStore<BreakHitsTheSuccessor>("breakHitsTheSuccessor", "a force-unlock by name, as most have"),
         brokenStore<BreakNeverWaitsForTheEnd>("breakNeverWaitsForTheEnd", "a force-unlock that deletes, as most have"),
         brokenStore<BrokenLockIsStillRenewed>("brokenLockIsStillRenewed", "a mark on the lock that its holder never reads")});
}

} // namespace Leasehold
