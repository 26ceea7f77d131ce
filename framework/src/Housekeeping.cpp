#include "Housekeeping.h"

#include "CurrentException.h"
#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{
namespace
{

/// No call starts when less than this is left before the next renewal.
constexpr Milliseconds minGap{10};
/// The pause after a call without an answer.
constexpr std::chrono::seconds pauseAfterFailure{1};
/// A page with at least so many records, half of the maximum of LockStore::prune, has probably left some, so the next page follows.
constexpr std::size_t fullPage = 500;

} // namespace

/// The time until the next renewal is due, and the context of the one call that housekeeping makes in it.
class Housekeeping::Gap
{
public:
    explicit Gap(Housekeeping& owner) : _owner(owner), _stop(owner._calls.serviceStop(), _giveWay.get_token())
    {
        {
            const std::lock_guard guard(_owner._mutex);
            _owner._underWay = _giveWay; // before planKeeper: a renewal that comes due earlier than planned must be able to stop this call
        }
        _began = _owner._clock.now();
        _renewal = _owner._table.planKeeper(_began);
        const LocalClock::duration whole = _owner._policy.lease.effectiveCallTimeout();
        const auto half = (_renewal - _began) / 2; // so an answer that is a little late delays no renewal
        _isShort = half < whole;
        _deadline = _began + std::min(half, whole);
    }
    ~Gap()
    {
        const std::lock_guard guard(_owner._mutex);
        _owner._underWay = std::stop_source(std::nostopstate);
    }
    Gap(const Gap&) = delete;
    Gap& operator=(const Gap&) = delete;

    LocalTime began() const { return _began; }
    LocalTime end() const { return _renewal; }
    CallContext context() const { return {_owner._clock, _deadline, _stop.token()}; }

    /// True if the call was cancelled or had a shorter timeout because a renewal comes first.
    bool gaveWay() const { return _giveWay.stop_requested() || (_isShort && context().timeLeft() == Milliseconds{0}); }

private:
    Housekeeping& _owner;
    std::stop_source _giveWay;
    EitherStop _stop;
    LocalTime _began, _renewal, _deadline;
    bool _isShort = false;
};

Housekeeping::Housekeeping(StoreCalls& calls, const LockPolicy& policy, LeaseTable& table, LossNotifier& notifier,
                           std::function<void(const Orphan&, const ReleaseReply&)> onFreed) :
    _calls(calls),
    _clock(*calls.clock()), _policy(policy), _table(table), _notifier(notifier), _onFreed(std::move(onFreed)),
    _pruneAt(later(_clock.now(), policy.retention.pruneEvery))
{
}

bool Housekeeping::add(Orphan orphan)
{
    {
        const std::lock_guard guard(_mutex);
        if (_finished)
            return false;
        if (_orphans.size() < maxOrphans)
        {
            _orphans.push_back(std::move(orphan));
            return true;
        }
    }
    giveUp(orphan, "too many other locks wait to be given back");
    return true;
}

void Housekeeping::giveWay()
{
    std::stop_source underWay(std::nostopstate);
    {
        const std::lock_guard guard(_mutex);
        underWay = _underWay;
    }
    underWay.request_stop();
}

LocalTime Housekeeping::dueAt() const
{
    const std::lock_guard guard(_mutex);
    return std::max(_orphans.empty() ? _pruneAt : LocalTime::min(), _notBefore);
}

void Housekeeping::doNext()
{
    if (_clock.now() < dueAt())
        return;
    const Gap gap(*this);
    if (gap.end() - gap.began() < minGap)
        _notBefore = gap.end();
    else if (auto orphan = takeOrphan())
        releaseOrphan(std::move(*orphan), gap);
    else if (gap.began() >= _pruneAt)
        prune(gap);
}

/// The next orphan whose lease has not expired.
std::optional<Orphan> Housekeeping::takeOrphan()
{
    const auto now = _clock.now();
    for (;;)
    {
        Orphan orphan;
        {
            const std::lock_guard guard(_mutex);
            if (_orphans.empty())
                return std::nullopt;
            orphan = std::move(_orphans.front());
            _orphans.pop_front();
        }
        if (now < orphan.until)
            return orphan;
        giveUp(orphan, orphan.failure.empty() ? "its lease ended before the store could be told" : orphan.failure);
    }
}

void Housekeeping::releaseOrphan(Orphan orphan, const Gap& gap)
{
    if (tryRelease(orphan, gap.context()))
        return;
    if (!gap.gaveWay())
        _notBefore = later(_clock.now(), pauseAfterFailure);
    const std::lock_guard guard(_mutex);
    _orphans.push_back(std::move(orphan));
}

/// False: no answer came; another attempt may succeed.
bool Housekeeping::tryRelease(Orphan& orphan, const CallContext& context)
{
    try
    {
        auto lease = orphan.lease;
        if (lease.fence == 0)
        {
            const auto record = _calls.store().find(lease.name, context);
            if (!record)
                return true;
            lease.fence = record->fence; // if another holder has the lock, our token does not match
        }
        if (const auto reply = _calls.store().release(lease, context); reply.status == ReleaseStatus::released)
            _onFreed(orphan, reply);
    }
    catch (const LockStoreUnavailable& error)
    {
        orphan.failure = error.what();
        return false;
    }
    catch (...)
    {
        giveUp(orphan, describeCurrentException());
    }
    return true;
}

void Housekeeping::giveUp(const Orphan& orphan, const std::string& why)
{
    if (orphan.fence != 0)
        _notifier.tell([name = orphan.lease.name, fence = orphan.fence, why](const ObserverList& observers)
                       { observers.tell(&LockObserver::releaseFailed, name, fence, why); });
}

void Housekeeping::finish()
{
    {
        const std::lock_guard guard(_mutex);
        _finished = true;
    }
    // The service is already stopping, so its stop token must not cancel these calls.
    const CallContext context(_clock, _clock.now() + _policy.lease.effectiveCallTimeout());
    std::string failure;
    while (auto orphan = takeOrphan())
    {
        if (failure.empty() && !tryRelease(*orphan, context))
            failure = orphan->failure;
        if (!failure.empty())
            giveUp(*orphan, failure);
    }
}

void Housekeeping::prune(const Gap& gap)
{
    try
    {
        const auto pruned = _calls.store().prune(_policy.retention.retention, gap.context());
        const auto now = _clock.now();
        if (pruned >= fullPage)
            _pruneAt = now + (now - gap.began()); // so pruning takes at most half of the storage's time
        else
            _pruneAt = later(now, gap.gaveWay() ? pauseAfterFailure : _policy.retention.pruneEvery);
    }
    catch (...)
    {
        pruneFailed(gap, describeCurrentException());
    }
}

void Housekeeping::pruneFailed(const Gap& gap, const std::string& why)
{
    _pruneAt = later(_clock.now(), gap.gaveWay() ? pauseAfterFailure : _policy.retention.pruneEvery);
    if (!gap.gaveWay())
        _notifier.tell([why](const ObserverList& observers) { observers.tell(&LockObserver::pruneFailed, why); });
}

} // namespace Leasehold
