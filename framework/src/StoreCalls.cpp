#include "StoreCalls.h"

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

StoreCalls::StoreCalls(std::shared_ptr<LockStore> store, std::shared_ptr<const Clock> clock, const LockPolicy& policy,
                       std::shared_ptr<const ObserverList> observers, std::stop_token serviceStop) :
    _store(std::move(store)),
    _clock(std::move(clock)), _policy(policy), _retry(policy.retry), _observers(std::move(observers)), _serviceStop(std::move(serviceStop))
{
}

void StoreCalls::ensurePrepared(const std::stop_token& cancel)
{
    if (!_prepared.load(std::memory_order_acquire))
        prepareInLine(cancel, false);
}

void StoreCalls::prepare(const std::stop_token& cancel)
{
    prepareInLine(cancel, true);
}

void StoreCalls::prepareInLine(const std::stop_token& cancel, bool again)
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
    if (_prepared.load(std::memory_order_acquire) && !again)
        return;

    withRetries(deadline, cancel, [this](const CallContext& context) { _store->prepare(context); });
    const auto info = _store->info();
    _policy.validateFor(info);
    _prepared.store(true, std::memory_order_release);
    if (!_announced.exchange(true))
        _observers->tell(&LockObserver::storeOpened, info.type, info.location,
                         info.sharedAcrossHosts
                             ? std::string()
                             : "a store of type \"" + info.type + "\" is not shared across hosts: its locks exclude nobody on another one");
}

/// Until `until` or until `cancel` is stopped. False: the system has nothing left to wait with.
bool StoreCalls::pause(LocalTime until, const std::stop_token& cancel) const
{
    std::unique_ptr<Clock::Waiter> waiter;
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
