#include "StoreCalls.h"

#include "CurrentException.h"
#include "HolderText.h"
#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{

EitherStop::EitherStop(const std::stop_token& service, const std::stop_token& caller) : _service(service)
{
    if (caller.stop_possible())
        _merged.emplace(service, caller);
}

StoreCalls::StoreCalls(std::shared_ptr<LockStore> store, std::shared_ptr<const TimeSource> clock, const LockPolicy& policy,
                       std::shared_ptr<const ObserverList> observers, std::stop_token serviceStop) :
    _store(std::move(store)),
    _clock(std::move(clock)), _policy(policy), _observers(std::move(observers)), _serviceStop(std::move(serviceStop))
{
}

Milliseconds delayOf(const Backoff& backoff, const char* policy, int attempt, Milliseconds holderRemaining)
{
    try
    {
        return std::max(backoff.delay(attempt, holderRemaining), Milliseconds{0});
    }
    catch (...)
    {
        throw LockException(std::string("the backoff of leasehold.policy.") + policy + " threw: " + describeCurrentException());
    }
}

void StoreCalls::ensurePrepared(const std::stop_token& cancel)
{
    if (!_prepared.load(std::memory_order_acquire))
        prepareInLine(cancel, Preparation::once);
}

void StoreCalls::ensureReadable(const std::stop_token& cancel)
{
    if (!_readable.load(std::memory_order_acquire))
        prepareInLine(cancel, Preparation::toRead);
}

void StoreCalls::prepare(const std::stop_token& cancel)
{
    prepareInLine(cancel, Preparation::again);
}

void StoreCalls::prepareInLine(const std::stop_token& cancel, Preparation how)
{
    const auto limit = std::max(prepareTimeout, _policy.lease.effectiveCallTimeout());
    const auto deadline = _clock->now() + limit;
    WaitLines::Place place(_preparing, {}, *_clock);
    const std::stop_callback onCancel(cancel, [&place] { place.wake(); });
    while (!place.isFirst())
    {
        if (cancel.stop_requested() || _clock->now() >= deadline)
            throw LockStoreUnavailable(cancel.stop_requested() ? "the set-up of the store " + _store->info().location + " was cancelled"
                                                               : "another thread has been setting up the store " + _store->info().location +
                                                                     " for " + formatDuration(limit) + "; try again");
        place.wait(deadline);
    }
    const bool toRead = how == Preparation::toRead;
    if (how != Preparation::again && (toRead ? _readable : _prepared).load(std::memory_order_acquire))
        return;

    withRetries(deadline, cancel, [&](const CallContext& context) { toRead ? _store->prepareToRead(context) : _store->prepare(context); });
    const auto info = _store->info();
    _policy.validateFor(info);
    _reservesFences = info.reservesFences;
    _tellsWanted = info.tellsWanted;
    _readable.store(true, std::memory_order_release);
    if (!toRead)
        _prepared.store(true, std::memory_order_release);
    if (_announced.exchange(true))
        return;
    std::string warning = info.warning;
    if (!info.sharedAcrossHosts)
        warning = "a store of type \"" + info.type + "\" is not shared across hosts: its locks exclude nobody on another one" +
                  (warning.empty() ? "" : "; ") + warning;
    _observers->tell(&LockObserver::storeOpened, info.type, info.location, warning);
}

/// Called inside the catch of `failure`. Throws if it was the last attempt.
void StoreCalls::awaitNextAttempt(const LockStoreUnavailable& failure, Attempts& failed, LocalTime deadline,
                                  const std::stop_token& cancel) const
{
    const auto now = _clock->now();
    if (++failed.count == 1)
        failed.since = now;
    if (cancel.stop_requested())
        throw;
    Milliseconds delay{0};
    try
    {
        delay = delayOf(*_policy.retry.backoff, "retry", failed.count, Milliseconds{0});
    }
    catch (const LockException& unable)
    {
        throw LockStoreUnavailable(failure.message() + "; it was not tried again: " + unable.message());
    }
    const auto next = later(now, delay);
    const bool last = (_policy.retry.maxAttempts > 0 && failed.count >= _policy.retry.maxAttempts) || next >= deadline;
    if (!last && pause(next, cancel) && !cancel.stop_requested())
    {
        failed.latest = failure.message();
        return;
    }
    if (failed.count == 1)
        throw;
    // The last attempt may have failed only for want of time, so the message also has the failure of the one before.
    const auto before = failed.latest == failure.message() ? std::string() : "; the attempt before: " + failed.latest;
    throw LockStoreUnavailable(failure.message() + before + "; " + std::to_string(failed.count) + " attempts failed in " +
                               describeSpan(now - failed.since));
}

bool StoreCalls::pause(LocalTime until, const std::stop_token& cancel) const
{
    std::unique_ptr<TimeSource::Waiter> waiter;
    try
    {
        waiter = _clock->makeWaiter();
    }
    catch (const LockException&)
    {
        return false;
    }
    const std::stop_callback onCancel(cancel, [&waiter] { waiter->wake(); });
    waiter->waitUntil(until);
    return true;
}

} // namespace Leasehold
