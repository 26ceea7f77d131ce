#include "LeaseTable.h"

#include <algorithm>

namespace Leasehold
{
namespace
{

/// How early a lease may be renewed to travel with others. A quarter of its interval lets any number of leases settle into
/// a few batches an interval; they then come due together, so each is brought forward only once.
Clock::duration gatherWindow(const Lease& lease)
{
    return Clock::duration(lease.policy().effectiveRenewAfter()) / 4;
}

bool isMoreUrgent(const std::shared_ptr<Lease>& left, const std::shared_ptr<Lease>& right)
{
    return left->validUntil() < right->validUntil();
}

} // namespace

LeaseTable::LeaseTable(std::function<void()> wakeKeeper, std::function<void()> wakeWatchdog) :
    _wakeKeeper(std::move(wakeKeeper)), _wakeWatchdog(std::move(wakeWatchdog))
{
}

/// When the watchdog acts. The end of maxHold needs no lead: the lease itself is still good then.
LocalTime LeaseTable::endOf(const Lease& lease)
{
    const auto holdUntil = lease.holdUntil();
    return lease.validUntil() >= holdUntil ? holdUntil : std::min(lease.validUntil() - lossLead, holdUntil);
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

/// In this order: whoever sees that the lease has ended must also see why.
void LeaseTable::lose(Lease& lease, LossReason reason)
{
    lease._lossReason = reason;
    lease._standing = Lease::Standing::lost;
    lease._validUntil = 0;
    forget(lease);
}

LeaseTable::ReleaseStart LeaseTable::beginRelease(Lease& lease, LocalTime now)
{
    const std::lock_guard guard(_mutex);
    if (lease._standing != Lease::Standing::kept)
        return ReleaseStart::endedBefore;
    // A holder that was stopped past its end and gives the lock back before the watchdog ran has lost it all the same.
    if (now >= lease.validUntil())
    {
        lose(lease, lease.lossReasonAt(now));
        return ReleaseStart::lostNow;
    }
    forget(lease);
    lease._standing = Lease::Standing::released;
    lease._validUntil = 0;
    return ReleaseStart::released;
}

bool LeaseTable::markLost(Lease& lease, LossReason reason)
{
    const std::lock_guard guard(_mutex);
    if (lease._standing != Lease::Standing::kept)
        return false;
    lose(lease, reason);
    return true;
}

void LeaseTable::markReleaseRefused(Lease& lease)
{
    const std::lock_guard guard(_mutex);
    if (lease._standing == Lease::Standing::released)
        lose(lease, LossReason::refused);
}

LeaseTable::Leases LeaseTable::takeRefused(const LeaseRef& ref)
{
    Leases refused;
    const std::lock_guard guard(_mutex);
    // Looked for one by one: a loss is rare, and an index by name would cost every grant.
    _byEnd.forEach(
        [&](Lease& lease)
        {
            if (lease.ref().fence == ref.fence && lease.ref().name == ref.name && lease.ref().token == ref.token)
                refused.push_back(lease.shared_from_this());
        });
    for (const auto& lease : refused)
        lose(*lease, LossReason::refused);
    return refused;
}

LeaseTable::Leases LeaseTable::takeEnded(LocalTime now)
{
    Leases ended;
    const std::lock_guard guard(_mutex);
    while (_byEnd.earliest() <= now)
    {
        Lease& lease = _byEnd.first();
        ended.push_back(lease.shared_from_this());
        lose(lease, lease.lossReasonAt(now));
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
    {
        const std::lock_guard guard(_mutex);
        if (earliestRenewal() > now)
            return due;
        const auto take = [&due](LeaseCalendar& calendar)
        {
            Lease& lease = calendar.first();
            due.push_back(lease.shared_from_this());
            calendar.remove(lease);
            return &lease;
        };
        while (_dueExactly.earliest() <= now)
            take(_dueExactly);
        while (!_mayTravelEarly.empty() && _mayTravelEarly.earliest() - gatherWindow(_mayTravelEarly.first()) <= now)
        {
            const bool early = _mayTravelEarly.earliest() > now;
            take(_mayTravelEarly)->_travelsEarly = !early;
        }
    }
    // Leases of one policy are taken in this order already.
    if (!std::is_sorted(due.begin(), due.end(), isMoreUrgent))
        std::stable_sort(due.begin(), due.end(), isMoreUrgent);
    return due;
}

bool LeaseTable::extend(Lease& lease, LocalTime requested, Milliseconds remaining, LocalTime renewAt)
{
    Wakes wakes;
    {
        const std::lock_guard guard(_mutex);
        // Past its end it may have told its holder so already: it must not come back, whatever the watchdog is late with.
        if (lease._standing != Lease::Standing::kept || !lease.isHeld())
            return false;
        lease._failedRenewals = 0;
        setEnd(lease, requested, remaining);
        wakes = plan(lease, renewAt);
    }
    wake(wakes);
    return true;
}

void LeaseTable::postpone(Lease& lease, LocalTime renewAt, bool counts)
{
    Wakes wakes;
    {
        const std::lock_guard guard(_mutex);
        if (lease._standing != Lease::Standing::kept)
            return;
        forget(lease);
        lease._failedRenewals += counts ? 1 : 0;
        lease._travelsEarly = true; // it has fallen out of its batch, and may find another
        wakes = plan(lease, renewAt);
    }
    wake(wakes);
}

int LeaseTable::failedRenewals(std::span<const std::shared_ptr<Lease>> leases) const
{
    const std::lock_guard guard(_mutex);
    int most = 0;
    for (const auto& lease : leases)
        most = std::max(most, lease->_failedRenewals);
    return most;
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
