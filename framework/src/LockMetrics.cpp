#include "Leasehold/LockMetrics.h"

namespace Leasehold
{
namespace
{

// Other data does not depend on the order of these counters, so relaxed atomic operations suffice.
constexpr auto relaxed = std::memory_order_relaxed;

void addTime(std::atomic<std::int64_t>& sum, LockObserver::Elapsed took)
{
    sum.fetch_add(took.count(), relaxed);
}

void keepLongest(std::atomic<std::int64_t>& longest, LockObserver::Elapsed took)
{
    auto known = longest.load(relaxed);
    while (known < took.count() && !longest.compare_exchange_weak(known, took.count(), relaxed))
    {
    }
}

} // namespace

LockMetrics::Snapshot LockMetrics::snapshot() const
{
    Snapshot copy;
    copy.acquired = _acquired.load(relaxed);
    copy.held = _held.load(relaxed);
    copy.waited = _waited.load(relaxed);
    copy.storeUnavailable = _storeUnavailable.load(relaxed);
    copy.renewed = _renewed.load(relaxed);
    copy.renewalsFailed = _renewalsFailed.load(relaxed);
    copy.lostExpired = _lostExpired.load(relaxed);
    copy.lostRefused = _lostRefused.load(relaxed);
    copy.lostMaxHold = _lostMaxHold.load(relaxed);
    copy.lostServiceStopped = _lostServiceStopped.load(relaxed);
    copy.lostBroken = _lostBroken.load(relaxed);
    copy.released = _released.load(relaxed);
    copy.releasesFailed = _releasesFailed.load(relaxed);
    copy.callbacksMisbehaved = _callbacksMisbehaved.load(relaxed);
    copy.prunesFailed = _prunesFailed.load(relaxed);
    copy.acquireTime = Elapsed{_acquireTime.load(relaxed)};
    copy.longestAcquire = Elapsed{_longestAcquire.load(relaxed)};
    copy.renewTime = Elapsed{_renewTime.load(relaxed)};
    copy.longestRenew = Elapsed{_longestRenew.load(relaxed)};
    copy.heldTime = Elapsed{_heldTime.load(relaxed)};
    return copy;
}

void LockMetrics::acquired(const std::string&, Fence, Elapsed took)
{
    _acquired.fetch_add(1, relaxed);
    addTime(_acquireTime, took);
    keepLongest(_longestAcquire, took);
}

void LockMetrics::held(const std::string&, const LockRecord&)
{
    _held.fetch_add(1, relaxed);
}

void LockMetrics::waited(const std::string&, const LockRecord&, Elapsed)
{
    _waited.fetch_add(1, relaxed);
}

void LockMetrics::storeUnavailable(const std::string&, const std::string&, Elapsed)
{
    _storeUnavailable.fetch_add(1, relaxed);
}

void LockMetrics::renewed(const std::string&, Fence, Elapsed took)
{
    _renewed.fetch_add(1, relaxed);
    addTime(_renewTime, took);
    keepLongest(_longestRenew, took);
}

void LockMetrics::renewalFailed(const std::string&, Fence, const std::string&, Milliseconds)
{
    _renewalsFailed.fetch_add(1, relaxed);
}

void LockMetrics::lost(const std::string&, Fence, LossReason reason)
{
    switch (reason)
    {
    case LossReason::expired:
        _lostExpired.fetch_add(1, relaxed);
        break;
    case LossReason::refused:
        _lostRefused.fetch_add(1, relaxed);
        break;
    case LossReason::maxHold:
        _lostMaxHold.fetch_add(1, relaxed);
        break;
    case LossReason::serviceStopped:
        _lostServiceStopped.fetch_add(1, relaxed);
        break;
    case LossReason::broken:
        _lostBroken.fetch_add(1, relaxed);
        break;
    case LossReason::released: // observers are not told of it
        break;
    }
}

void LockMetrics::released(const std::string&, Fence, Elapsed heldFor)
{
    _released.fetch_add(1, relaxed);
    addTime(_heldTime, heldFor);
}

void LockMetrics::releaseFailed(const std::string&, Fence, const std::string&)
{
    _releasesFailed.fetch_add(1, relaxed);
}

void LockMetrics::callbackMisbehaved(const std::string&)
{
    _callbacksMisbehaved.fetch_add(1, relaxed);
}

void LockMetrics::pruneFailed(const std::string&)
{
    _prunesFailed.fetch_add(1, relaxed);
}

} // namespace Leasehold
