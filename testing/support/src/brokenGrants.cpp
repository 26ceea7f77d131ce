#include "Leasehold/Exceptions.h"
#include "brokenStores.h"

#include <algorithm>

namespace Leasehold
{
namespace
{

class SuccessorGetsTheOldToken : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto before = slot;
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (before && status == AcquireStatus::granted)
            slot->token = before->token;
        return status;
    }
};

class SuccessorGetsTheOldMetadata : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto before = slot;
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (before && status == AcquireStatus::granted)
            slot->metadata = before->metadata;
        return status;
    }
};

class LateDuplicateIsGranted : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        if (slot && !LeaseRules::isLive(*slot, now))
            slot->token.clear();
        return ReferenceLockStore::acquireStep(slot, request, now);
    }
};

class ReplayIsRefused : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        return slot && LeaseRules::isLive(*slot, now) ? AcquireStatus::held : ReferenceLockStore::acquireStep(slot, request, now);
    }
};

class ReplayShortensTheLease : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::granted)
        {
            slot->expiresAt = now.ms + request.ttl.count();
            slot->ttl = request.ttl.count();
        }
        return status;
    }
};

class ReplayChangesTheMetadata : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::granted)
            slot->metadata = request.metadata;
        return status;
    }
};

class ReplayMovesTheTimeOfTheGrant : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::granted)
            slot->acquiredAt = now.ms;
        return status;
    }
};

class FailedAcquireChangesTheRecord : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::held)
            slot->metadata = request.metadata;
        return status;
    }
};

class FailedAcquireProlongsTheLease : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::held)
            slot->expiresAt = std::max(slot->expiresAt, now.ms + request.ttl.count());
        return status;
    }
};

class BusyIsAnError : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        const auto status = ReferenceLockStore::acquireStep(slot, request, now);
        if (status == AcquireStatus::held)
            throw LockStoreError("lock \"" + request.name + "\" is held by another");
        return status;
    }
};

} // namespace

void addBrokenGrants(std::vector<BrokenStore>& stores)
{
    stores.insert(
        stores.end(),
        {brokenStore<SuccessorGetsTheOldToken>("successorGetsTheOldToken", "an upsert that leaves a field as it was"),
         brokenStore<SuccessorGetsTheOldMetadata>("successorGetsTheOldMetadata", "an upsert that leaves a field as it was"),
         brokenStore<LateDuplicateIsGranted>("lateDuplicateIsGranted", "jetcd's retried requests; nobody releases such a grant"),
         brokenStore<ReplayIsRefused>("replayIsRefused", "SET NX with a retry: the holder is told that another has the lock"),
         brokenStore<ReplayShortensTheLease>("replayShortensTheLease", "a retried request that overtakes a renewal"),
         brokenStore<ReplayChangesTheMetadata>("replayChangesTheMetadata", "an acquire that writes all fields whenever the token fits"),
         brokenStore<ReplayMovesTheTimeOfTheGrant>("replayMovesTheTimeOfTheGrant", "the same: since when a lock is held is wrong"),
         brokenStore<FailedAcquireChangesTheRecord>("failedAcquireChangesTheRecord", "cronlock: GETSET before the look"),
         brokenStore<FailedAcquireProlongsTheLease>("failedAcquireProlongsTheLease", "SET and then PEXPIRE, whoever holds it"),
         brokenStore<BusyIsAnError>("busyIsAnError", "userver throws for \"held\" at each poll")});
}

} // namespace Leasehold
