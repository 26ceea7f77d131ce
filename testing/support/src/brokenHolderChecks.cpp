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
    ReleaseReply releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        return ReferenceLockStore::releaseStep(slot, slot ? LeaseRef{lease.name, slot->token, slot->fence} : lease, now);
    }
};

class ReleaseWithoutFenceCheck : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseReply releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        return ReferenceLockStore::releaseStep(slot, slot ? LeaseRef{lease.name, lease.token, slot->fence} : lease, now);
    }
};

class ReleaseOfAnExpiredLeaseSucceeds : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseReply releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        const bool ours = slot && slot->token == lease.token && slot->fence == lease.fence;
        const bool expired = ours && slot->standing == Standing::held && !LeaseRules::isLive(*slot, now);
        return expired ? ReleaseReply{.status = ReleaseStatus::released} : ReferenceLockStore::releaseStep(slot, lease, now);
    }
};

class ReleaseFreesLate : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseReply releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        const auto before = slot;
        const auto reply = ReferenceLockStore::releaseStep(slot, lease, now);
        if (reply.status == ReleaseStatus::released && before->standing == Standing::held)
        {
            slot = before;
            slot->standing = Standing::broken;
            slot->expiresAt = now.ms + 1000;
        }
        return reply;
    }
};

class ReplayedReleaseIsALoss : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseReply releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        return slot && slot->standing == Standing::released ? ReleaseReply{} : ReferenceLockStore::releaseStep(slot, lease, now);
    }
};

class ReleaseOfAnAbsentLockSucceeds : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseReply releaseStep(Slot& slot, const LeaseRef& lease, const Now& now) override
    {
        return slot ? ReferenceLockStore::releaseStep(slot, lease, now) : ReleaseReply{.status = ReleaseStatus::released};
    }
};

class ReleaseFreesAllLocksOfTheToken : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override
    {
        const auto reply = ReferenceLockStore::release(lease, context);
        if (reply.status == ReleaseStatus::released)
            storage().enter(
                [&](Records& records)
                {
                    for (auto& [name, slot] : records)
                        if (slot && slot->token == lease.token)
                            releaseStep(slot, {name, slot->token, slot->fence}, now());
                });
        return reply;
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

/// Treats a renewal that changes nothing, because the record already has this end, as one that found no record.
class ReplayedRenewalIsALoss : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        const auto before = slot;
        return ReferenceLockStore::renewStep(slot, request, now) && (slot->expiresAt != before->expiresAt || slot->ttl != before->ttl);
    }
};

class RenewMovesTheTimeOfTheGrant : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        const bool renewed = ReferenceLockStore::renewStep(slot, request, now);
        if (renewed)
            slot->acquiredAt = now.ms;
        return renewed;
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
         brokenStore<ReleaseOfAnAbsentLockSucceeds>("releaseOfAnAbsentLockSucceeds", "DELETE, whose 404 counts as success"),
         brokenStore<ReleaseFreesAllLocksOfTheToken>("releaseFreesAllLocksOfTheToken", "DELETE ... WHERE token = ?; a session's end"),
         brokenStore<RenewWithoutOwnerCheck>("renewWithoutOwnerCheck", "SQL providers that update by name or host name"),
         brokenStore<RenewWithoutFenceCheck>("renewWithoutFenceCheck", "userver: a pause, and the token is somebody's later lease"),
         brokenStore<RenewTellsSuccessAlways>("renewTellsSuccessAlways", "Kibana's extendTtl; redis-plus-plus RedMutexTx"),
         brokenStore<ReplayedRenewalIsALoss>("replayedRenewalIsALoss", "MySQL's affected rows, which are those that changed"),
         brokenStore<RenewMovesTheTimeOfTheGrant>("renewMovesTheTimeOfTheGrant", "a renewal that writes the whole record anew"),
         brokenStore<RenewRevivesAnExpiredLease>("renewRevivesAnExpiredLease", "an update by token without a look at the time"),
         brokenStore<RenewRevivesAReleasedLease>("renewRevivesAReleasedLease",
                                                 "Redisson #7272; tristanls/dynamodb-lock-client#1; Kibana PR 216781"),
         brokenStore<RenewCreates>("renewCreates", "userver: its renewal is its acquire"),
         brokenStore<BreakHitsTheSuccessor>("breakHitsTheSuccessor", "a force-unlock by name, as most have"),
         brokenStore<BreakNeverWaitsForTheEnd>("breakNeverWaitsForTheEnd", "a force-unlock that deletes, as most have"),
         brokenStore<BrokenLockIsStillRenewed>("brokenLockIsStillRenewed", "a mark on the lock that its holder never reads")});
}

} // namespace Leasehold
