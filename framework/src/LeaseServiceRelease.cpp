#include "LeaseService.h"

#include <algorithm>

namespace Leasehold
{
namespace
{

/// A prune that forgot so many records has probably left some: the next page follows soon.
constexpr std::size_t muchPruned = 500;
constexpr std::chrono::seconds nextPageAfter{1};

} // namespace

/// The holder of a lost lease is done with it. If the storage may still keep it from others, they need not wait for its end.
void LeaseService::giveBackLost(Lease& lease, LocalTime now)
{
    const auto reason = lease.lossReason();
    const bool mayBeStored = reason == LossReason::expired || reason == LossReason::maxHold;
    if (mayBeStored && now < lease.storedUntil() && lease.claimGivingBack())
        giveBack(lease.ref(), lease.fence(), lease.storedUntil(), lease.turnBegan());
}

/// Tries once to free what nobody of this process holds any more. `fence`: for the observers.
void LeaseService::giveBack(const LeaseRef& ref, Fence fence, LocalTime storedUntil, LocalTime turnBegan)
{
    try
    {
        const auto deadline = std::min(_clock->now() + _policy.lease.effectiveCallTimeout(), storedUntil);
        _calls.store().release(ref, CallContext(*_clock, deadline, _calls.serviceStop()));
        _lines.mayBeFree(ref.name, _clock->now(), turnBegan);
    }
    catch (const std::exception& error)
    {
        _observers->tell(&LockObserver::releaseFailed, ref.name, fence, std::string(error.what()));
    }
}

/// Hands the lease to a thread that waits for it. False: there is none whom it fits, and it must be given back.
bool LeaseService::handOver(const Lease& lease, LocalTime now)
{
    const auto baton = lease.baton(now);
    return baton && _lines.handOver(*baton, now);
}

/// Tells the observers of a failure, and passes it on.
ReleaseStatus LeaseService::sendRelease(Lease& lease, LocalTime now)
{
    const auto fail = [&](const std::string& why) { _observers->tell(&LockObserver::releaseFailed, lease.name(), lease.fence(), why); };
    try
    {
        return _calls.withRetries(now + lease.policy().effectiveCallTimeout(), _calls.serviceStop(),
                                  [&](const CallContext& context) { return _calls.store().release(lease.ref(), context); });
    }
    catch (const LockStoreError& error)
    {
        fail(error.what());
        throw;
    }
    catch (const std::exception& error)
    {
        fail(error.what());
        throw LockStoreError("lock \"" + lease.name() + "\" could not be released in " + _calls.store().info().location + ": " +
                             error.what() + "; its lease ends by itself");
    }
}

void LeaseService::release(Lease& lease)
{
    const auto began = _clock->now();
    const auto start = _table.beginRelease(lease, began);
    if (start == LeaseTable::ReleaseStart::lostNow)
        reportLoss(lease);
    if (start != LeaseTable::ReleaseStart::released)
    {
        if (lease.standing() == Lease::Standing::released)
            return;
        giveBackLost(lease, began);
        throw lostError(lease);
    }

    if (handOver(lease, began))
    {
        _observers->tell(&LockObserver::released, lease.name(), lease.fence(), began - lease.acquiredAt());
        return;
    }
    if (sendRelease(lease, began) == ReleaseStatus::notHeld)
    {
        _table.markReleaseRefused(lease);
        reportLoss(lease);
        throw lostError(lease);
    }
    const auto now = _clock->now();
    _lines.mayBeFree(lease.name(), now, lease.turnBegan());
    _observers->tell(&LockObserver::released, lease.name(), lease.fence(), now - lease.acquiredAt());
    pruneIfDue(now);
}

void LeaseService::pruneIfDue(LocalTime now)
{
    if (_policy.retention.pruneEvery == forever)
        return;
    auto due = _pruneAt.load(std::memory_order_relaxed);
    const auto next = later(now, _policy.retention.pruneEvery);
    if (now.time_since_epoch().count() < due || !_pruneAt.compare_exchange_strong(due, next.time_since_epoch().count()))
        return;
    try
    {
        const auto pruned = _calls.store().prune(_policy.retention.retention,
                                                 CallContext(*_clock, now + _policy.lease.effectiveCallTimeout(), _calls.serviceStop()));
        if (pruned >= muchPruned)
            _pruneAt = std::min(next, now + nextPageAfter).time_since_epoch().count();
    }
    catch (const std::exception& error)
    {
        _observers->tell(&LockObserver::pruneFailed, std::string(error.what()));
    }
}

} // namespace Leasehold
