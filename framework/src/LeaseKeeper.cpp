#include "LeaseKeeper.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
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
    _thread = std::jthread([this](const std::stop_token& stopping) { run(stopping); });
}

void LeaseKeeper::stop()
{
    _thread.request_stop();
    _waiter->wake();
    if (_thread.joinable())
        _thread.join();
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

void LeaseKeeper::run(const std::stop_token& stopping)
{
    while (!stopping.stop_requested())
    {
        _waiter->waitUntil(_table.planKeeper());
        if (stopping.stop_requested())
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
        if (!renewChunk(chunk, batchStart))
            break;
    }
    // The store did not answer for the chunk before these: they are asked for again soon, the most urgent first.
    const auto again = _clock.now() + _retry.backoff->delay(1, Milliseconds{0});
    for (const auto& lease : rest)
        _table.postpone(*lease, again, false);
}

/// False: the store did not answer.
bool LeaseKeeper::renewChunk(std::span<const std::shared_ptr<Lease>> chunk, LocalTime batchStart)
{
    std::vector<RenewRequest> requests;
    requests.reserve(chunk.size());
    auto limit = Milliseconds::max();
    for (const auto& lease : chunk)
    {
        requests.push_back({lease->ref(), lease->policy().ttl});
        limit = std::min(limit, lease->policy().effectiveCallTimeout());
    }

    const auto requested = _clock.now(); // before the request is sent: a lease counts from here
    std::string trouble;
    try
    {
        const auto replies = _calls.store().renew(requests, CallContext(_clock, requested + limit, _calls.serviceStop()));
        if (replies.size() == requests.size())
        {
            judge(chunk, replies, requested, batchStart);
            return true;
        }
        trouble = "the store answered " + std::to_string(replies.size()) + " of " + std::to_string(requests.size()) + " renewals";
    }
    catch (const std::exception& exception)
    {
        trouble = exception.what();
    }
    int failed = 0;
    for (const auto& lease : chunk)
        failed = std::max(failed, _table.failedRenewals(*lease));
    const auto again = _clock.now() + _retry.backoff->delay(failed + 1, Milliseconds{0}); // one for all: they stay together
    for (const auto& lease : chunk)
        _table.postpone(*lease, again, true);
    _notifier.renewalFailed(LossNotifier::Leases(chunk.begin(), chunk.end()), std::move(trouble));
    return false;
}

void LeaseKeeper::judge(std::span<const std::shared_ptr<Lease>> chunk, const std::vector<RenewReply>& replies, LocalTime requested,
                        LocalTime batchStart)
{
    const auto now = _clock.now();
    LossNotifier::Leases renewed, lost;
    for (std::size_t i = 0; i < chunk.size(); ++i)
    {
        const auto& lease = chunk[i];
        const auto& reply = replies[i];
        switch (reply.status)
        {
        case RenewStatus::renewed:
            // Counted from the start of the batch, so that what travelled together comes due together.
            if (_table.extend(*lease, requested, reply.remaining, lease->policy().nextRenewal(batchStart)))
                renewed.push_back(lease);
            break;
        case RenewStatus::lost:
            if (_table.markLost(*lease, LossReason::refused))
                lost.push_back(lease);
            break;
        case RenewStatus::unavailable:
        case RenewStatus::failed:
            _table.postpone(*lease, now + _retry.backoff->delay(_table.failedRenewals(*lease) + 1, Milliseconds{0}), true);
            _notifier.renewalFailed({lease}, reply.reason);
            break;
        }
    }
    if (!lost.empty())
    {
        _notifier.lost(std::move(lost));
        _watchdog.wake(); // it relieves the notifier if a callback blocks
    }
    _notifier.renewed(std::move(renewed), now - requested);
}

void LeaseKeeper::layOneGhost()
{
    Ghost ghost;
    {
        const std::lock_guard guard(_ghostMutex);
        const auto left = _table.planKeeper() - _clock.now();
        if (_ghosts.empty() || left < ghostTime)
            return;
        ghost = std::move(_ghosts.front());
        _ghosts.pop_front();
    }
    const auto limit = std::min<Clock::duration>((_table.planKeeper() - _clock.now()) / 2, LeasePolicy{}.effectiveCallTimeout());
    const CallContext context(_clock, _clock.now() + limit, _calls.serviceStop());
    try
    {
        // Its fence is not known here. The record tells it; if the record is another's, our token does not fit.
        if (const auto record = _calls.store().find(ghost.name, context))
            _calls.store().release({ghost.name, ghost.token, record->fence}, context);
    }
    catch (const std::exception&) // NOLINT(bugprone-empty-catch): one attempt; the ghost ends by itself
    {
    }
    const std::lock_guard guard(_ghostMutex);
    if (!_ghosts.empty())
        _waiter->wake();
}

} // namespace Leasehold
