#include "LeaseReleaser.h"

#include "CurrentException.h"
#include "HolderText.h"
#include "Lease.h"
#include "LeaseSupervision.h"
#include "StoreCalls.h"
#include "WaitLines.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{

namespace
{

/// The shortest TTL that the store accepts and that is at least `span`.
Milliseconds ttlFor(LocalClock::duration span, const StoreInfo& store)
{
    const auto ttl = std::max({std::chrono::ceil<Milliseconds>(span), LeasePolicy::minTtl, store.minTtl});
    const auto step = std::max(store.ttlGranularity, Milliseconds{1});
    return (ttl + step - Milliseconds{1}) / step * step;
}

} // namespace

/// The holder of a lost lease has released it. The storage may refuse the lock to others until the lease ends, so the keeper releases it.
/// The holder does not wait for that, because it may be in a stop callback while the store is unavailable.
void LeaseReleaser::giveBackLost(Lease& lease, LocalTime now)
{
    const auto reason = lease.lossReason();
    const bool mayBeStored = reason == LossReason::expired || reason == LossReason::maxHold || reason == LossReason::serviceStopped;
    if (!mayBeStored || now < lease.stayUntil() || now >= lease.storedUntil() || !lease.claimGivingBack())
        return;
    if (!_leases.releaseOrphan({lease.ref(), lease.storedUntil(), lease.fence(), lease.turnBegan()}))
        giveBack(lease);
}

void LeaseReleaser::giveBack(const LeaseHandoff& handoff) noexcept
{
    giveBack(handoff.ref, handoff.fence, handoff.storedUntil, handoff.turnBegan);
}

void LeaseReleaser::giveBack(const Lease& lease) noexcept
{
    giveBack(lease.ref(), lease.fence(), lease.storedUntil(), lease.turnBegan());
}

/// `fence`: the holder's, for the observers.
void LeaseReleaser::giveBack(const LeaseRef& ref, Fence fence, LocalTime storedUntil, LocalTime turnBegan) noexcept
{
    try
    {
        const auto deadline = std::min(_calls.clock()->now() + _policy.lease.effectiveCallTimeout(), storedUntil);
        const auto reply = _calls.store().release(ref, CallContext(*_calls.clock(), deadline));
        noteReleased(ref.name, turnBegan, reply, _calls.clock()->now());
    }
    catch (...)
    {
        _observers.tell(&LockObserver::releaseFailed, ref.name, fence, describeCurrentException());
    }
}

/// The record tells the fence. If another holder has the lock, our token does not match.
void LeaseReleaser::releaseOrphan(LeaseRef orphan) noexcept
{
    try
    {
        const CallContext context(*_calls.clock(), _calls.clock()->now() + _policy.lease.effectiveCallTimeout());
        if (const auto record = _calls.store().find(orphan.name, context))
        {
            orphan.fence = record->fence;
            _calls.store().release(orphan, context);
        }
    }
    catch (...) // NOLINT(bugprone-empty-catch): the lease expires, and the caller is told of the first failure
    {
    }
}

void LeaseReleaser::orphanReleased(const Orphan& orphan, const ReleaseReply& reply)
{
    const auto now = _calls.clock()->now();
    noteReleased(orphan.lease.name, orphan.turnBegan.value_or(now), reply, now);
}

/// The lock is free: invites a waiting thread of this process, at once or, if the storage says that another process waits, after a rest.
void LeaseReleaser::noteReleased(const std::string& name, LocalTime turnBegan, const ReleaseReply& reply, LocalTime now)
{
    using Others = WaitLines::Others;
    _lines.released(name, now, turnBegan, !_calls.tellsWanted() ? Others::unknown : reply.wanted ? Others::waiting : Others::absent);
}

/// Hands the lease to a waiting thread. False: no waiting thread wants the same lease, so it must be released.
bool LeaseReleaser::handOver(const Lease& lease, LocalTime now)
{
    const auto handoff = lease.handoff(now);
    return handoff && _lines.handOver(*handoff, now);
}

/// One step of the storage: frees the lock, or lets its lease end when its minHold is over.
LeaseReleaser::Ended LeaseReleaser::endLease(const Lease& lease, const CallContext& context)
{
    auto& store = _calls.store();
    const auto now = lease.stayUntil() == LocalTime::min() ? LocalTime::max() : _calls.clock()->now(); // without minHold no clock is read
    if (now >= lease.stayUntil())
        return {store.release(lease.ref(), context)};

    const RenewRequest last{lease.ref(), ttlFor(lease.stayUntil() - now, store.info())};
    const auto replies = store.renew({&last, 1}, context);
    if (replies.size() != 1)
        throw LockStoreError("the store " + store.info().location + " answered " + std::to_string(replies.size()) + " of 1 renewals");
    const auto& reply = replies.front();
    switch (reply.status)
    {
    case RenewStatus::renewed:
        return {{.status = ReleaseStatus::released}, reply.remaining};
    case RenewStatus::unavailable:
        throw LockStoreUnavailable(reply.reason);
    case RenewStatus::failed:
        throw LockStoreError(reply.reason);
    case RenewStatus::lost:
        break;
    }
    return {{.broken = reply.broken}};
}

/// Tells the observers of a failure, and throws it again.
LeaseReleaser::Ended LeaseReleaser::sendRelease(Lease& lease, LocalTime now)
{
    const auto fail = [&](const std::string& why) { _observers.tell(&LockObserver::releaseFailed, lease.name(), lease.fence(), why); };
    try
    {
        // Stopping the service does not cancel the release: the lock would stay taken for its TTL.
        const auto deadline = std::min(now + lease.policy().effectiveCallTimeout(), lease.storedUntil());
        const std::stop_token untilTheDeadline;
        if (now < lease.stayUntil())
            _leases.table().awaitRenewal(lease, deadline);
        bool mayHaveEnded = false; // an attempt had an unknown outcome
        return _calls.withRetries(deadline, untilTheDeadline,
                                  [&](const CallContext& context)
                                  {
                                      const bool endedBefore = std::exchange(mayHaveEnded, true);
                                      auto ended = endLease(lease, context);
                                      // The work ended under a valid lease, so a later holder means no loss.
                                      if (endedBefore)
                                          ended.status = ReleaseStatus::released;
                                      return ended;
                                  });
    }
    catch (const LockStoreError& error)
    {
        fail(error.what());
        throw;
    }
    catch (...)
    {
        const auto why = describeCurrentException();
        fail(why);
        throw LockStoreError("lock \"" + lease.name() + "\" could not be released in " + toString(_calls.store().info()) + ": " + why +
                             "; its lease ends by itself");
    }
}

void LeaseReleaser::release(Lease& lease)
{
    const auto began = _calls.clock()->now();
    const auto start = _leases.table().beginRelease(lease, began);
    if (start == LeaseTable::ReleaseStart::lostNow)
        _leases.reportLoss(lease);
    if (start != LeaseTable::ReleaseStart::released)
    {
        if (lease.standing() == Lease::Standing::released)
            return;
        giveBackLost(lease, began);
        throw lostError(lease);
    }

    if (began >= lease.stayUntil() && handOver(lease, began))
    {
        _observers.tell(&LockObserver::released, lease.name(), lease.fence(), began - lease.acquiredAt());
        return;
    }
    const auto ended = sendRelease(lease, began);
    if (ended.status == ReleaseStatus::notHeld)
    {
        _leases.table().markReleaseRefused(lease, ended.broken ? LossReason::broken : LossReason::refused);
        _leases.reportLoss(lease);
        throw lostError(lease);
    }
    const auto now = _calls.clock()->now();
    if (ended.takenFor > Milliseconds{0})
        _lines.invite(lease.name(), now + ended.takenFor);
    else
        noteReleased(lease.name(), lease.turnBegan(), ended, now);
    _observers.tell(&LockObserver::released, lease.name(), lease.fence(), now - lease.acquiredAt());
}

LockLostError lostError(const Lease& lease, const std::string& detail)
{
    const auto reason = lease.whyEnded();
    std::string why;
    switch (reason)
    {
    case LossReason::expired:
        why = "its lease could not be renewed in time (the store was away, or this process was paused)";
        break;
    case LossReason::refused:
        why = "the store says that it is no longer ours (it expired, or the storage was lost)";
        break;
    case LossReason::maxHold:
        why = "it was held for as long as maxHold allows";
        break;
    case LossReason::serviceStopped:
        why = "its LockManagerService was destroyed";
        break;
    case LossReason::broken:
        why = "somebody broke it";
        break;
    case LossReason::released:
        why = "its holder released it before";
        break;
    }
    const bool released = reason == LossReason::released;
    return {"lock \"" + lease.name() + "\" (fence " + std::to_string(lease.fence()) + ") " +
                (released ? "is not held any more: " : "was lost: ") + (detail.empty() ? why : detail) + "; what was done under it " +
                (released ? "since then " : "") + "may have met another holder's work: check it, and take the lock again",
            reason};
}

} // namespace Leasehold
