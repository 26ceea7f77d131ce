#include "StoreCalls.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{

EitherStop::EitherStop(const std::stop_token& service, const std::stop_token& caller) : _plain(service)
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
        prepare(cancel);
}

void StoreCalls::prepare(const std::stop_token& cancel)
{
    const auto limit = std::max(prepareTimeout, _policy.lease.effectiveCallTimeout());
    std::unique_lock alone(_preparing, std::defer_lock);
    if (!alone.try_lock_for(limit))
        throw LockStoreUnavailable("another thread has been setting up the " + _store->info().type + " store for " + formatDuration(limit) +
                                   "; try again");

    withRetries(limit, cancel, [this](const CallContext& context) { _store->prepare(context); });
    const auto info = _store->info();
    _policy.validateFor(info);
    _prepared.store(true, std::memory_order_release);
    if (!_announced.exchange(true))
        _observers->tell(&LockObserver::storeOpened, info.type, info.location,
                         info.sharedAcrossHosts
                             ? std::string()
                             : "a store of type \"" + info.type + "\" is not shared across hosts: its locks exclude nobody on another one");
}

void StoreCalls::pause(LocalTime until, const std::stop_token& cancel) const
{
    const auto waiter = _clock->makeWaiter();
    const std::stop_callback onCancel(cancel, [&waiter] { waiter->wake(); });
    waiter->waitUntil(until);
}

} // namespace Leasehold
