#include "LeaseKeeper.h"

#include "Leasehold/Exceptions.h"
#include "ServiceThread.h"

#include <algorithm>
#include <map>
#include <utility>

namespace Leasehold
{
namespace
{

/// A ghost is laid only if so much time is left before the next renewal.
constexpr Milliseconds ghostTime{50};
/// More ghosts than this are left to end by themselves.
constexpr std::size_t mostGhosts = 1000;

} // namespace

LeaseKeeper::LeaseKeeper(StoreCalls& calls, const RetryPolicy& retry, LeaseTable& table, LossWatchdog& watchdog, LossNotifier& notifier) :
    _calls(calls), _clock(*calls.clock()), _retry(retry), _table(table), _watchdog(watchdog), _notifier(notifier),
    _waiter(_clock.makeWaiter())
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
    std::stop_source ghostCall(std::nostopstate);
    {
        const std::lock_guard guard(_ghostMutex);
        ghostCall = _ghostCall;
    }
    ghostCall.request_stop();
}

void LeaseKeeper::layGhost(std::string name, std::string token)
{
    {
        const std::lock_guard guard(_ghostMutex);
        if (_ghosts.size() < mostGhosts)
            _ghosts.push_back({std::move(name), std::move(token)});
    }
    _waiter->wake();
}

void LeaseKeeper::run()
{
    while (!_stopping)
    {
        _waiter->waitUntil(_table.planKeeper(_clock.now()));
        if (_stopping)
            return;
        renewDue();
        layOneGhost();
    }
}

void LeaseKeeper::renewDue()
{
    const auto batchStart = _clock.now();
    const auto due = _table.takeDue(batchStart);
    std::span<const std::shared_ptr<Lease>> rest(due);
    while (!rest.empty())
    {
        const auto chunk = rest.first(std::min(rest.size(), chunkSize));
        rest = rest.subspan(chunk.size());
        if (renewChunk(chunk, batchStart) == Answer::missing)
            break;
    }
    if (rest.empty())
        return;
    // The store did not answer for the chunk before these: they are asked for again soon, the most urgent first.
    const auto again = nextTry(rest);
    for (const auto& lease : rest)
        _table.postpone(*lease, again, false);
}

/// One time for all of them, so that they stay together.
LocalTime LeaseKeeper::nextTry(std::span<const std::shared_ptr<Lease>> leases) const
{
    return _clock.now() + _retry.backoff->delay(_table.failedRenewals(leases) + 1, Milliseconds{0});
}

void LeaseKeeper::fillRequests(std::span<const std::shared_ptr<Lease>> chunk)
{
    _requests.resize(chunk.size());
    for (std::size_t i = 0; i < chunk.size(); ++i)
    {
        _requests[i].lease = chunk[i]->ref();
        _requests[i].ttl = chunk[i]->policy().ttl;
    }
}

LeaseKeeper::Answer LeaseKeeper::renewChunk(std::span<const std::shared_ptr<Lease>> chunk, LocalTime batchStart)
{
    fillRequests(chunk);
    auto limit = Milliseconds::max();
    for (const auto& lease : chunk)
        limit = std::min(limit, lease->policy().effectiveCallTimeout());

    auto answer = Answer::refused;
    std::string trouble;
    const auto requested = _clock.now(); // before the request is sent: a lease counts from here
    try
    {
        const auto replies = _calls.store().renew(_requests, CallContext(_clock, requested + limit, _calls.serviceStop()));
        if (replies.size() == chunk.size())
        {
            judge(chunk, replies, requested, batchStart);
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
    _notifier.renewalFailed(LossNotifier::Leases(chunk.begin(), chunk.end()), std::move(trouble));
    return answer;
}

void LeaseKeeper::judge(std::span<const std::shared_ptr<Lease>> chunk, const std::vector<RenewReply>& replies, LocalTime requested,
                        LocalTime batchStart)
{
    const auto now = _clock.now();
    LossNotifier::Leases renewed, lost;
    renewed.reserve(chunk.size());
    std::map<std::string, LossNotifier::Leases> failed; // by reason
    for (std::size_t i = 0; i < chunk.size(); ++i)
    {
        const auto& lease = chunk[i];
        const auto& reply = replies[i];
        switch (reply.status)
        {
        case RenewStatus::renewed:
            // Due again as counted from the start of the batch, so that what travelled together comes due together.
            if (_table.extend(*lease, requested, reply.remaining, lease->policy().nextRenewal(batchStart)))
                renewed.push_back(lease);
            break;
        case RenewStatus::lost:
            if (_table.markLost(*lease, LossReason::refused))
                lost.push_back(lease);
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

void LeaseKeeper::layOneGhost()
{
    std::stop_source interruption;
    {
        const std::lock_guard guard(_ghostMutex);
        if (_ghosts.empty())
            return;
        _ghostCall = interruption; // before the plan: whatever is due earlier than that ends the call
    }
    const auto now = _clock.now();
    const auto left = _table.planKeeper(now) - now;
    if (left >= ghostTime)
    {
        Ghost ghost;
        {
            const std::lock_guard guard(_ghostMutex);
            ghost = std::move(_ghosts.front());
            _ghosts.pop_front();
            if (!_ghosts.empty())
                _waiter->wake();
        }
        const EitherStop stop(_calls.serviceStop(), interruption.get_token());
        const auto limit = std::min<Clock::duration>(left / 2, LeasePolicy{}.effectiveCallTimeout());
        release(ghost, CallContext(_clock, now + limit, stop.token()));
    }
    const std::lock_guard guard(_ghostMutex);
    _ghostCall = std::stop_source(std::nostopstate);
}

void LeaseKeeper::release(const Ghost& ghost, const CallContext& context)
{
    try
    {
        // Its fence is not known here. The record tells it; if the record is another's, our token does not fit.
        if (const auto record = _calls.store().find(ghost.name, context))
            _calls.store().release({ghost.name, ghost.token, record->fence}, context);
    }
    catch (...) // NOLINT(bugprone-empty-catch): one attempt; the ghost ends by itself
    {
    }
}

} // namespace Leasehold
