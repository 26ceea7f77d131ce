#include "LeaseTable.h"

#include <algorithm>

namespace Leasehold
{
namespace
{

/// How early a lease may be renewed to share a batch: a quarter of its renewal interval. So any number of leases settle into a few batches
/// per interval. Leases of one batch come due together afterwards, so each is renewed early only once.
LocalClock::duration gatherWindow(const Lease& lease)
{
    return LocalClock::duration(lease.policy().effectiveRenewAfter()) / 4;
}

} // namespace

LeaseTable::LeaseTable(std::function<void()> wakeKeeper, std::function<void()> wakeWatchdog) :
    _wakeKeeper(std::move(wakeKeeper)), _wakeWatchdog(std::move(wakeWatchdog))
{
}

/// When the watchdog acts. The end of maxHold needs no lead, because the lease is still valid then.
LocalTime LeaseTable::endOf(const Lease& lease)
{
    return lease.validUntil() < lease.holdUntil() ? lease.validUntil() - LeasePolicy::lossLead : lease.holdUntil();
}

void LeaseTable::setEnd(Lease& lease, LocalTime requested, Milliseconds remaining)
{
    const auto validUntil = lease.policy().validUntil(requested, remaining);
    lease._storedUntil = (validUntil + lease.policy().effectiveSafetyMargin()).time_since_epoch().count();
    lease._validUntil = std::min(validUntil, lease.holdUntil()).time_since_epoch().count();
}

LeaseTable::Wakes LeaseTable::plan(Lease& lease, LocalTime renewAt)
{
    forget(lease);
    const auto end = endOf(lease);
    renewals(lease).put(lease, renewAt);
    _byEnd.put(lease, end);
    return {_keeper.mustWake(renewAt), _watchdog.mustWake(end)};
}

void LeaseTable::wake(const Wakes& wakes) const
{
    if (wakes.keeper)
        _wakeKeeper();
    if (wakes.watchdog)
        _wakeWatchdog();
}

bool LeaseTable::add(Lease& lease, LocalTime requested, Milliseconds remaining)
{
    Wakes wakes;
    {
        const std::lock_guard guard(_mutex);
        if (_closed)
        {
            lose(lease, LossReason::serviceStopped);
            return false;
        }
        setEnd(lease, requested, remaining);
        lease._standing = Lease::Standing::kept;
        if (lease.fence() != lease.ref().fence)
            _handedOn[lease.name()] = &lease;
        wakes = plan(lease, lease.policy().nextRenewal(requested));
    }
    wake(wakes);
    return true;
}

void LeaseTable::forget(Lease& lease)
{
    renewals(lease).remove(lease);
    _byEnd.remove(lease);
}

/// Stops keeping the lease.
void LeaseTable::end(Lease& lease)
{
    forget(lease);
    if (lease.fence() == lease.ref().fence)
        return;
    const auto found = _handedOn.find(lease.name());
    if (found != _handedOn.end() && found->second == &lease)
        _handedOn.erase(found);
}

/// The order matters: a thread that sees the end of the lease must also see the reason.
void LeaseTable::lose(Lease& lease, LossReason reason)
{
    lease._lossReason = reason;
    lease._standing = Lease::Standing::lost;
    lease._validUntil = 0;
    end(lease);
}

LeaseTable::ReleaseStart LeaseTable::beginRelease(Lease& lease, LocalTime now)
{
    const std::lock_guard guard(_mutex);
    if (lease._standing != Lease::Standing::kept)
        return ReleaseStart::endedBefore;
    // A holder that was paused past the end of the lease has lost it, even if it releases the lock before the watchdog runs.
    if (now >= lease.validUntil())
    {
        lose(lease, lease.whyEnded());
        return ReleaseStart::lostNow;
    }
    lease._renewing = lease._renewalLink.slot == nullptr; // takeDue has taken it
    end(lease);
    lease._standing = Lease::Standing::released;
    lease._validUntil = 0;
    return ReleaseStart::released;
}

void LeaseTable::awaitRenewal(Lease& lease, LocalTime deadline)
{
    std::unique_ptr<TimeSource::Waiter> waiter;
    {
        const std::lock_guard guard(_mutex);
        if (!lease._renewing)
            return;
        waiter = lease.clock().makeWaiter();
        lease._releaser = waiter.get();
    }
    waiter->waitUntil(deadline);
    const std::lock_guard guard(_mutex);
    lease._releaser = nullptr;
}

/// The answer to its renewal has come, or will not come.
void LeaseTable::endRenewal(Lease& lease)
{
    lease._renewing = false;
    if (lease._releaser)
        lease._releaser->wake();
}

bool LeaseTable::markLost(Lease& lease, LossReason reason)
{
    const std::lock_guard guard(_mutex);
    endRenewal(lease);
    if (lease._standing != Lease::Standing::kept)
        return false;
    lose(lease, reason);
    return true;
}

void LeaseTable::markReleaseRefused(Lease& lease, LossReason reason)
{
    const std::lock_guard guard(_mutex);
    if (lease._standing == Lease::Standing::released)
        lose(lease, reason);
}

/// Searches all leases: losses are rare, and an index by name would cost time for every grant.
template <typename Predicate>
LeaseTable::Leases LeaseTable::take(Predicate isMeant, LossReason reason)
{
    Leases lost;
    const std::lock_guard guard(_mutex);
    _byEnd.forEach(
        [&](Lease& lease)
        {
            if (isMeant(lease.ref()))
                lost.push_back(lease.shared_from_this());
        });
    for (const auto& lease : lost)
        lose(*lease, reason);
    return lost;
}

LeaseTable::Leases LeaseTable::takeRefused(const LeaseRef& ref)
{
    return take([&](const LeaseRef& kept) { return kept.fence == ref.fence && kept.name == ref.name && kept.token == ref.token; },
                LossReason::refused);
}

LeaseTable::Leases LeaseTable::takeBroken(const std::string& name, Fence fence)
{
    return take([&](const LeaseRef& kept) { return kept.fence == fence && kept.name == name; }, LossReason::broken);
}

Fence LeaseTable::holderFence(const std::string& name, Fence storedFence) const
{
    const std::lock_guard guard(_mutex);
    const auto found = _handedOn.find(name);
    return found != _handedOn.end() && found->second->ref().fence == storedFence ? found->second->fence() : storedFence;
}

Fence LeaseTable::storedFence(const std::string& name, Fence holderFence) const
{
    const std::lock_guard guard(_mutex);
    const auto found = _handedOn.find(name);
    return found != _handedOn.end() && found->second->fence() == holderFence ? found->second->ref().fence : holderFence;
}

bool LeaseTable::holds(const std::string& name, Fence fence) const
{
    bool found = false;
    const std::lock_guard guard(_mutex);
    _byEnd.forEach([&](const Lease& lease) { found = found || (lease.ref().fence == fence && lease.ref().name == name); });
    return found;
}

LeaseTable::Leases LeaseTable::takeEnded(LocalTime now)
{
    Leases ended;
    const std::lock_guard guard(_mutex);
    while (_byEnd.earliest() <= now)
    {
        Lease& lease = _byEnd.first();
        ended.push_back(lease.shared_from_this());
        lose(lease, lease.whyEnded());
    }
    return ended;
}

LeaseTable::Leases LeaseTable::close()
{
    Leases ended;
    const std::lock_guard guard(_mutex);
    _closed = true;
    while (!_byEnd.empty())
    {
        Lease& lease = _byEnd.first();
        ended.push_back(lease.shared_from_this());
        lose(lease, LossReason::serviceStopped);
    }
    return ended;
}

LeaseTable::Leases LeaseTable::takeDue(LocalTime now)
{
    Leases due;
    const std::lock_guard guard(_mutex);
    if (earliestRenewal() > now)
        return due;
    const auto take = [&due, now](LeaseCalendar& calendar)
    {
        Lease& lease = calendar.first();
        due.push_back(lease.shared_from_this());
        calendar.remove(lease);
        lease._takenAt = now;
        return &lease;
    };
    while (_dueExactly.earliest() <= now)
        take(_dueExactly);
    while (!_mayTravelEarly.empty() && _mayTravelEarly.earliest() - gatherWindow(_mayTravelEarly.first()) <= now)
    {
        const bool early = _mayTravelEarly.earliest() > now;
        take(_mayTravelEarly)->_travelsEarly = !early;
    }
    return due;
}

bool LeaseTable::extend(Lease& lease, LocalTime requested, Milliseconds remaining)
{
    Wakes wakes;
    {
        const std::lock_guard guard(_mutex);
        endRenewal(lease);
        // The lease has ended, and isHeld() may have told its holder so. It must not become valid again, even if the watchdog is late.
        if (lease._standing != Lease::Standing::kept || !lease.isHeld())
            return false;
        lease._failedRenewals = 0;
        setEnd(lease, requested, remaining);
        wakes = plan(lease, lease.policy().nextRenewal(lease._takenAt));
    }
    wake(wakes);
    return true;
}

void LeaseTable::postpone(Lease& lease, LocalTime renewAt, bool counts)
{
    Wakes wakes;
    {
        const std::lock_guard guard(_mutex);
        endRenewal(lease);
        if (lease._standing != Lease::Standing::kept)
            return;
        forget(lease);
        lease._failedRenewals += counts ? 1 : 0;
        lease._travelsEarly = true; // it has left its batch, and may join another
        wakes = plan(lease, renewAt);
    }
    wake(wakes);
}

int LeaseTable::failedRenewals(std::span<const std::shared_ptr<Lease>> leases) const
{
    const std::lock_guard guard(_mutex);
    int highest = 0;
    for (const auto& lease : leases)
        highest = std::max(highest, lease->_failedRenewals);
    return highest;
}

LocalTime LeaseTable::planKeeper(LocalTime now)
{
    const std::lock_guard guard(_mutex);
    return _keeper.plan(earliestRenewal(), now);
}

LocalTime LeaseTable::planWatchdog(LocalTime now)
{
    const std::lock_guard guard(_mutex);
    return _watchdog.plan(_byEnd.earliest(), now);
}

} // namespace Leasehold
