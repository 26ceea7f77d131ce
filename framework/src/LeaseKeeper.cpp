#include "LeaseKeeper.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/ServiceThread.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

namespace Leasehold
{
namespace
{

/// The minimum pause before the keeper calls the store again, even if the back-off is shorter: with 0 the thread would never sleep.
constexpr Milliseconds minDelay{1};

Milliseconds shortestCallTimeout(const LeaseTable::Leases& leases)
{
    auto shortest = Milliseconds::max();
    for (const auto& lease : leases)
        shortest = std::min(shortest, lease->policy().effectiveCallTimeout());
    return shortest;
}

} // namespace

LeaseKeeper::LeaseKeeper(StoreCalls& calls, const LockPolicy& policy, LeaseTable& table, LossWatchdog& watchdog, LossNotifier& notifier,
                         std::function<void(const Orphan&, const ReleaseReply&)> onFreed) :
    _calls(calls),
    _clock(*calls.clock()), _retry(policy.retry), _table(table), _watchdog(watchdog), _notifier(notifier), _waiter(_clock.makeWaiter()),
    _housekeeping(calls, policy, table, notifier, std::move(onFreed))
{
}

void LeaseKeeper::start()
{
    if (!_thread.joinable())
        _thread = startServiceThread([this] { run(); });
}

void LeaseKeeper::stop()
{
    _stopping = true;
    _waiter->wake();
    if (_thread.joinable())
        _thread.join();
}

void LeaseKeeper::wake()
{
    _waiter->wake();
    _housekeeping.giveWay();
}

bool LeaseKeeper::releaseOrphan(Orphan orphan)
{
    if (!_housekeeping.add(std::move(orphan)))
        return false;
    _waiter->wake();
    return true;
}

void LeaseKeeper::run()
{
    while (!_stopping)
    {
        _waiter->waitUntil(std::min(_table.planKeeper(_clock.now()), _housekeeping.dueAt()));
        if (_stopping)
            break;
        renewDue();
        _housekeeping.doNext();
    }
    _housekeeping.finish();
}

void LeaseKeeper::takeDue()
{
    if (auto due = _table.takeDue(_clock.now()); !due.empty())
        _due.add(std::move(due));
}

void LeaseKeeper::renewDue()
{
    for (takeDue(); !_due.empty() && !_stopping; takeDue())
    {
        const auto chunk = _due.takeChunk(chunkSize);
        const auto callTimeout = shortestCallTimeout(chunk);
        if (renewChunk(chunk, callTimeout) != Answer::missing)
            continue;
        // Leases with the same or a shorter call timeout would fail too. Leases with a longer one must not wait for these.
        const auto others = _due.takeUpTo(callTimeout);
        const auto again = nextTry(others);
        for (const auto& lease : others)
            _table.postpone(*lease, again, false);
    }
    // The service is stopping, and a release may still wait for the end of a renewal.
    for (const auto& lease : _due.takeUpTo(LeasePolicy::maxTtl))
        _table.postpone(*lease, LocalTime::max(), false);
}

/// All get the same time, so that they stay in one batch.
LocalTime LeaseKeeper::nextTry(const Leases& leases) const
{
    auto delay = minDelay;
    try
    {
        delay = std::max(delay, delayOf(*_retry.backoff, "retry", _table.failedRenewals(leases) + 1, Milliseconds{0}));
    }
    catch (...) // NOLINT(bugprone-empty-catch): an exception of the application's back-off must not end the renewals
    {
    }
    return later(_clock.now(), delay);
}

void LeaseKeeper::fillRequests(const Leases& chunk)
{
    _requests.resize(chunk.size());
    for (std::size_t i = 0; i < chunk.size(); ++i)
    {
        _requests[i].lease = chunk[i]->ref();
        _requests[i].ttl = chunk[i]->policy().ttl;
    }
}

LeaseKeeper::Answer LeaseKeeper::renewChunk(const Leases& chunk, Milliseconds callTimeout)
{
    fillRequests(chunk);
    auto answer = Answer::refused;
    std::string trouble;
    const auto requested = _clock.now(); // before the request is sent: a lease counts from here
    try
    {
        const auto replies = _calls.store().renew(_requests, CallContext(_clock, requested + callTimeout, _calls.serviceStop()));
        if (replies.size() == chunk.size())
        {
            judge(chunk, replies, requested);
            return Answer::came;
        }
        trouble = "the store answered " + std::to_string(replies.size()) + " of " + std::to_string(chunk.size()) + " renewals";
    }
    catch (const LockStoreUnavailable& exception)
    {
        answer = Answer::missing;
        trouble = exception.what();
    }
    catch (const std::exception& exception)
    {
        trouble = exception.what();
    }
    catch (...)
    {
        trouble = "the store threw something that is no std::exception";
    }
    const auto again = nextTry(chunk);
    for (const auto& lease : chunk)
        _table.postpone(*lease, again, true);
    _notifier.renewalFailed(chunk, std::move(trouble));
    return answer;
}

void LeaseKeeper::judge(const Leases& chunk, const std::vector<RenewReply>& replies, LocalTime requested)
{
    const auto now = _clock.now();
    Leases renewed, lost;
    renewed.reserve(chunk.size());
    std::map<std::string, Leases> failed; // by failure message
    for (std::size_t i = 0; i < chunk.size(); ++i)
    {
        const auto& lease = chunk[i];
        const auto& reply = replies[i];
        switch (reply.status)
        {
        case RenewStatus::renewed:
            if (_table.extend(*lease, requested, reply.remaining))
                renewed.push_back(lease);
            break;
        case RenewStatus::lost:
            if (_table.markLost(*lease, reply.broken ? LossReason::broken : LossReason::refused))
                lost.push_back(lease);
            else // it may have been handed on while the renewal was under way
                std::ranges::move(_table.takeRefused(lease->ref()), std::back_inserter(lost));
            break;
        case RenewStatus::unavailable:
        case RenewStatus::failed:
            failed[reply.reason].push_back(lease);
            break;
        }
    }
    if (!lost.empty())
    {
        _notifier.lost(std::move(lost));
        _watchdog.wake(); // it relieves the notifier if a callback blocks
    }
    for (auto& [reason, leases] : failed)
    {
        const auto again = nextTry(leases);
        for (const auto& lease : leases)
            _table.postpone(*lease, again, true);
        _notifier.renewalFailed(std::move(leases), reason);
    }
    _notifier.renewed(std::move(renewed), now - requested);
}

} // namespace Leasehold
