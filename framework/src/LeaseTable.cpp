#include "LeaseTable.h"

#include <algorithm>

namespace Leasehold
{
namespace
{

/// How early a lease may be renewed to travel with others. A quarter of its interval lets any number of leases settle into
/// at most four batches an interval; they then come due together, so each is brought forward only once.
Clock::duration gatherWindow(const Lease& lease)
{
    return Clock::duration(lease.policy().effectiveRenewAfter()) / 4;
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

void LeaseTable::plan(Lease& lease, LocalTime renewAt)
{
    _byRenewal.put(lease, renewAt);
    const auto end = endOf(lease);
    _byEnd.put(lease, end);
    if (renewAt < _keeperSleepsUntil)
    {
        _keeperSleepsUntil = LocalTime::min();
        _wakeKeeper();
    }
    if (end < _watchdogSleepsUntil)
    {
        _watchdogSleepsUntil = LocalTime::min();
        _wakeWatchdog();
    }
}

bool LeaseTable::add(Lease& lease, LocalTime validUntil, LocalTime renewAt)
{
    const std::lock_guard guard(_mutex);
    if (_closed)
    {
        lease._lossReason = LossReason::serviceStopped;
        lease._standing = Lease::Standing::lost;
        return false;
    }
    lease._validUntil = std::min(validUntil, lease.holdUntil()).time_since_epoch().count();
    lease._standing = Lease::Standing::kept;
    plan(lease, renewAt);
    return true;
}

void LeaseTable::forget(Lease& lease)
{
    _byRenewal.remove(lease);
    _byEnd.remove(lease);
}

void LeaseTable::lose(Lease& lease, LossReason reason)
{
    lease._lossReason = reason;
    lease._validUntil = 0;
    lease._standing = Lease::Standing::lost;
    forget(lease);
}

LeaseTable::ReleaseStart LeaseTable::beginRelease(Lease& lease)
{
    const std::lock_guard guard(_mutex);
    if (lease._standing != Lease::Standing::kept)
        return ReleaseStart::endedBefore;
    // A holder that was stopped past its end and gives the lock back before the watchdog ran has lost it all the same.
    if (!lease.isHeld())
    {
        lose(lease, lease.clock().now() >= lease.holdUntil() ? LossReason::maxHold : LossReason::expired);
        return ReleaseStart::lostNow;
    }
    forget(lease);
    lease._validUntil = 0;
    lease._standing = Lease::Standing::released;
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

LeaseTable::Leases LeaseTable::takeEnded(LocalTime now)
{
    Leases ended;
    const std::lock_guard guard(_mutex);
    while (_byEnd.earliest() <= now)
    {
        Lease& lease = _byEnd.first();
        ended.push_back(lease.shared_from_this());
        lose(lease, now >= lease.holdUntil() ? LossReason::maxHold : LossReason::expired);
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
        if (_byRenewal.earliest() > now)
            return due;
        while (!_byRenewal.empty() && _byRenewal.earliest() - gatherWindow(_byRenewal.first()) <= now)
        {
            Lease& lease = _byRenewal.first();
            _byRenewal.remove(lease);
            due.push_back(lease.shared_from_this());
        }
    }
    std::stable_sort(due.begin(), due.end(), [](const auto& left, const auto& right) { return left->validUntil() < right->validUntil(); });
    return due;
}

bool LeaseTable::extend(Lease& lease, LocalTime requested, Milliseconds remaining, LocalTime renewAt)
{
    const std::lock_guard guard(_mutex);
    // Past its end it may have told its holder so already: it must not come back, whatever the watchdog is late with.
    if (lease._standing != Lease::Standing::kept || !lease.isHeld())
        return false;
    lease._failedRenewals = 0;
    lease._validUntil = std::min(lease.policy().validUntil(requested, remaining), lease.holdUntil()).time_since_epoch().count();
    plan(lease, renewAt);
    return true;
}

void LeaseTable::postpone(Lease& lease, LocalTime renewAt, bool counts)
{
    const std::lock_guard guard(_mutex);
    if (lease._standing != Lease::Standing::kept)
        return;
    lease._failedRenewals += counts ? 1 : 0;
    plan(lease, renewAt);
}

int LeaseTable::failedRenewals(const Lease& lease) const
{
    const std::lock_guard guard(_mutex);
    return lease._failedRenewals;
}

LocalTime LeaseTable::planKeeper()
{
    const std::lock_guard guard(_mutex);
    return _keeperSleepsUntil = _byRenewal.earliest();
}

LocalTime LeaseTable::planWatchdog()
{
    const std::lock_guard guard(_mutex);
    return _watchdogSleepsUntil = _byEnd.earliest();
}

std::size_t LeaseTable::size() const
{
    const std::lock_guard guard(_mutex);
    return _byEnd.size();
}

} // namespace Leasehold
