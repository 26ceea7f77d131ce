#include "LockWait.h"

#include "HolderText.h"
#include "Lease.h"
#include "LeaseSupervision.h"
#include "ObserverList.h"
#include "ReleaseWatch.h"
#include "StoreCalls.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{
namespace
{

/// The interval between polls of a watched name: an event of its release may get lost.
constexpr Milliseconds watchedPoll{10'000};
/// The minimum, when the holder's lease is about to end: storages tell this end in whole milliseconds.
constexpr Milliseconds shortestWatchedPoll{10};
/// A note in the storage lasts this much longer than the time until the next poll.
constexpr Milliseconds forTheCall{100};

LockStoreUnavailable unavailableSince(const WaitLines::Outage& outage, LocalTime now)
{
    return LockStoreUnavailable(outage.why + "; the store has been away for " + describeSpan(now - outage.since) +
                                ", until the end of the wait");
}

/// Ends the watch of a name when its last waiter has left the line. Construct it before the place in the line.
class WatchEnd
{
public:
    WatchEnd(ReleaseWatch& watch, const std::string& name) : _watch(watch), _name(name) {}
    ~WatchEnd() { _watch.follow(_name); }
    WatchEnd(const WatchEnd&) = delete;
    WatchEnd& operator=(const WatchEnd&) = delete;

private:
    ReleaseWatch& _watch;
    const std::string _name; // a copy, because a grant moves the name out of the request
};

} // namespace

void LockWait::prepare()
{
    for (;;)
    {
        const auto asked = _core.clock->now();
        try
        {
            _core.calls.ensurePrepared(_acquisition.cancel());
            endOutage();
            _pollAt = LocalTime::max();
            return;
        }
        catch (const LockStoreUnavailable& trouble)
        {
            bearOutage(asked, trouble);
            if (!_core.calls.pause(std::min(_pollAt, _acquisition.giveUp()), _acquisition.cancel()))
                throw;
        }
    }
}

/// Called inside the catch of `trouble`, the failure of a request sent at `asked`: tells the observers and plans the next poll. Throws
/// again if there is no time for one.
void LockWait::bearOutage(LocalTime asked, const LockStoreUnavailable& trouble)
{
    if (!_acquisition.mayWait() || _acquisition.cancel().stop_requested())
        throw;
    const auto now = _core.clock->now();
    _outage = WaitLines::Outage{_outage ? _outage->since : asked, trouble.message()};
    if (now >= _acquisition.giveUp())
        throw unavailableSince(*_outage, now);
    _core.observers.tell(&LockObserver::storeUnavailable, _acquisition.name(), _outage->why, now - _outage->since);
    _pollAt = later(now, delayOf(*_core.policy.retry.backoff, "retry", ++_unanswered, Milliseconds{0}));
    _pollsRarely = false;
}

void LockWait::endOutage()
{
    _outage.reset();
    _unanswered = 0;
}

/// A caller that waits joins the line before its first request. Otherwise a release of this process between that request and the line would
/// not be seen, and this process would take its own threads for another process that holds the lock.
LockAcquisition::Answer LockWait::obtain(LocalTime firstAsk)
{
    return _acquisition.mayWait() ? waitInLine() : _acquisition.ask(firstAsk);
}

LockWait::Answer LockWait::waitInLine()
{
    const WatchEnd watchEnd(_core.watch, _acquisition.name());
    WaitLines::Place place(_core.lines, _acquisition.name(), *_core.clock, &_acquisition.request());
    const std::stop_callback onCancel(_acquisition.cancel(), [&place] { place.wake(); });
    for (;;)
    {
        _acquisition.throwIfCancelled();
        if (_acquisition.cancel().stop_requested())
            throw LockStoreUnavailable("the service was stopped while it waited for lock \"" + _acquisition.name() + "\"");
        const auto now = _core.clock->now();
        if (const auto handoff = place.takeHandoff())
            if (auto lease = _acquisition.takeOver(*handoff, now))
                return lease;
        if (auto answer = answerAtTheEnd(place, now))
            return std::move(*answer);
        const auto askAt = nextQuestion(place, now);
        if (now < askAt)
            place.wait(std::min(askAt, _acquisition.giveUp()));
        else if (const auto question = place.beginQuestion(now))
            if (auto answer = askInLine(place, *question, now))
                return std::move(*answer);
    }
}

/// The answer for a thread behind the first whose wait is over: that of the first one's last poll, while it is fresh. nullopt: this
/// thread must ask itself.
std::optional<LockWait::Answer> LockWait::answerAtTheEnd(const WaitLines::Place& place, LocalTime now) const
{
    if (now < _acquisition.giveUp() || place.isFirst())
        return std::nullopt;
    auto news = place.news();
    if (news.outage)
        throw unavailableSince(*news.outage, now);
    if (!news.tellsHolder(now))
        return std::nullopt;
    return std::move(*news.holder);
}

LocalTime LockWait::nextQuestion(const WaitLines::Place& place, LocalTime now)
{
    if (now >= _acquisition.giveUp())
        return now;
    if (!place.isFirst())
        return LocalTime::max();
    const bool watched = place.isWatched();
    if (_pollAt == LocalTime::max() || (_pollsRarely && !watched))
        planPoll(place, watched, now);
    return place.askAt(_pollAt);
}

void LockWait::planPoll(const WaitLines::Place& place, bool watched, LocalTime now)
{
    const auto news = place.news();
    _pollsRarely = watched && news.holder && !news.isOurs && _core.calls.tellsWanted();
    if (!news.holder || (_pollsRarely && !_isNoted)) // without our note in the storage, the release sends no event
    {
        _pollAt = now;
        return;
    }
    _lastDelay = _pollsRarely ? std::clamp(std::chrono::ceil<Milliseconds>(news.heldUntil - now), shortestWatchedPoll, watchedPoll)
                              : delayOf(*_core.policy.wait.backoff, "wait", ++_polls, news.holder->remaining);
    _pollAt = later(now, _lastDelay);
}

/// Tells the line who holds the lock. If another process does, watches the name for its release.
void LockWait::noteHolder(WaitLines::Place& place, const LockRecord& holder)
{
    const bool isNew = place.setHolder(holder, _acquisition.answered());
    if (isNew && _core.calls.tellsWanted() && _core.leases.table().holds(holder.name, holder.fence))
        place.setOurs();
    if (place.news().isOurs)
        return;
    place.wantWatch();
    _core.watch.follow(holder.name);
}

/// Tells the line and the observers who holds the lock, since the wait goes on.
void LockWait::tellHolder(WaitLines::Place& place, const LockRecord& holder)
{
    noteHolder(place, holder);
    _core.observers.tell(&LockObserver::waited, holder.name, holder, _acquisition.answered() - _acquisition.started());
}

/// Asks the store once. nullopt: the wait goes on.
std::optional<LockWait::Answer> LockWait::askInLine(WaitLines::Place& place, const WaitLines::Question& question, LocalTime now)
{
    const auto wanted = wantedFor(place, question, now);
    _acquisition.continueTurn(question.turnBegan);
    _acquisition.waitFor(wanted);
    _acquisition.reserveFences(question.reservedFences);
    _pollAt = LocalTime::max();
    try
    {
        auto answer = _acquisition.ask(now);
        if (std::holds_alternative<std::shared_ptr<Lease>>(answer))
        {
            if (wanted > Milliseconds{0})
                place.setNoted(false);
            if (const auto ended = place.endHandedLease())
                _core.leases.loseRefused(*ended);
            return answer;
        }
        place.endQuestion();
        endOutage();
        _isNoted = wanted > Milliseconds{0};
        if (_isNoted)
            place.setNoted(true);
        const auto& holder = std::get<LockRecord>(answer);
        if (now < _acquisition.giveUp())
        {
            tellHolder(place, holder);
            return std::nullopt;
        }
        noteHolder(place, holder);
        return answer;
    }
    catch (const LockStoreUnavailable& trouble)
    {
        if (!_acquisition.cancel().stop_requested())
            place.setOutage({_outage ? _outage->since : now, trouble.message()});
        bearOutage(now, trouble);
        place.endQuestion();
        return std::nullopt;
    }
}

/// See AcquireRequest::wantedFor. The next delay is not known yet and may be twice the last one, since most back-offs grow. 0: this process
/// does not wait for another one, or will not ask again.
///
/// A storage may still answer "held" while a release of this process is under way, so a note may have been left for no other process. Then
/// the next grant must end it, and it does so only for a request that says that it waits.
Milliseconds LockWait::wantedFor(const WaitLines::Place& place, const WaitLines::Question& question, LocalTime now) const
{
    constexpr Milliseconds longest = std::chrono::hours{1}; // the note of a waiter that crashed must expire
    const auto news = place.news();
    if (!_core.calls.tellsWanted() || now >= _acquisition.giveUp())
        return Milliseconds{0};
    if (!news.holder || news.isOurs || question.afterOwnRelease)
        return question.isNoted ? forTheCall : Milliseconds{0};
    const auto left = std::chrono::ceil<Milliseconds>(_acquisition.giveUp() - now);
    if (place.isWatched())
        return std::min(watchedPoll, left) + forTheCall;
    return 2 * std::min({_lastDelay, longest, left}) + forTheCall;
}

} // namespace Leasehold
