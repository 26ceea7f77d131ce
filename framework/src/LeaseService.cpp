#include "LeaseService.h"

#include "HolderText.h"
#include "Leasehold/LoggerObserver.h"
#include "RequestRules.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace Leasehold
{
namespace
{

std::shared_ptr<const Clock> clockOf(const ServiceParts& parts)
{
    return parts.clock ? parts.clock : Clock::system();
}

std::shared_ptr<const ObserverList> observersOf(ServiceParts& parts)
{
    if (parts.observers.empty())
        parts.observers.push_back(std::make_shared<LoggerObserver>());
    return std::make_shared<const ObserverList>(std::move(parts.observers));
}

LockPolicy checked(LockPolicy policy)
{
    policy.validate();
    return policy;
}

std::shared_ptr<LockStore> required(std::shared_ptr<LockStore> store)
{
    if (!store)
        throw LockConfigurationError("a LockManagerService needs a store; it was given an empty pointer");
    return store;
}

} // namespace

LeaseService::LeaseService(std::shared_ptr<LockStore> store, LockPolicy policy, ServiceParts parts) :
    _policy(checked(std::move(policy))), _leasePolicy(std::make_shared<const LeasePolicy>(_policy.lease)), _clock(clockOf(parts)),
    _observers(observersOf(parts)), _calls(required(std::move(store)), _clock, _policy, _observers, _stop.get_token()),
    _lines([this](const Baton& baton) { giveBack(baton.ref, baton.fence, baton.storedUntil, baton.turnBegan); }),
    _table([this] { _keeper.wake(); }, [this] { _watchdog.wake(); }), _notifier(_clock, _observers), _watchdog(_clock, _table, _notifier),
    _keeper(_calls, _policy.retry, _table, _watchdog, _notifier), _hints(std::make_shared<StoreHints>(*this)),
    _pruneAt(later(_clock->now(), _policy.retention.pruneEvery).time_since_epoch().count())
{
}

LeaseService::~LeaseService()
{
    stop();
}

void LeaseService::stop() noexcept
{
    _stop.request_stop(); // first: whoever starts the threads at this moment may be in a call
    const std::lock_guard guard(_starting);
    if (std::exchange(_stopped, true))
        return;
    const auto began = std::chrono::steady_clock::now();
    _hints->end();
    if (_started)
        _calls.store().setListener(nullptr);
    _notifier.lost(_table.close());
    _watchdog.stop();
    _keeper.stop();
    const auto took = std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began);
    _notifier.stop(std::max(_policy.lease.effectiveCallTimeout() - took, Milliseconds{0}));
}

void LeaseService::startThreads()
{
    if (_started.load(std::memory_order_acquire))
        return;
    const std::lock_guard guard(_starting);
    if (_stopped)
        throw LockStoreUnavailable("the LockManagerService was stopped");
    if (_started.load(std::memory_order_relaxed))
        return;
    try
    {
        _notifier.start();
        _watchdog.start();
        _keeper.start();
    }
    catch (const std::system_error& error)
    {
        throw LockException(std::string("cannot start the threads that keep leases: ") + error.what() + "; raise the limit of threads");
    }
    _sparesFences = _calls.store().info().sparesFences;
    _calls.store().setListener(_hints);
    _started.store(true, std::memory_order_release);
}

std::string LeaseService::describeHeld(const LockRecord& holder, const std::string& name) const
{
    return "lock \"" + name + "\" in " + _calls.store().info().location + " is " + describeHolder(holder) +
           "; wait for it with LockOptions::wait, or try later";
}

void LeaseService::reportLoss(Lease& lease)
{
    _notifier.lost({lease.shared_from_this()});
    _watchdog.wake();
}

void LeaseService::onLost(const LeaseRef& lease)
{
    if (auto refused = _table.takeRefused(lease); !refused.empty())
    {
        _notifier.lost(std::move(refused));
        _watchdog.wake();
    }
}

void LeaseService::onMayBeFree(const std::string& name)
{
    _lines.mayBeFree(name, _clock->now(), std::nullopt);
}

template <typename Verb>
auto LeaseService::ask(const std::stop_token& cancel, Verb verb)
{
    _calls.ensurePrepared(cancel);
    return _calls.withRetries(_clock->now() + _policy.lease.effectiveCallTimeout(), cancel, verb);
}

std::optional<LockRecord> LeaseService::find(const std::string& name)
{
    requireNative();
    checkLockName(name);
    return ask(_calls.serviceStop(), [&](const CallContext& context) { return _calls.store().find(name, context); });
}

std::vector<LockRecord> LeaseService::list(const ListQuery& query)
{
    requireNative();
    checkListQuery(query);
    return ask(_calls.serviceStop(), [&](const CallContext& context) { return _calls.store().list(query, context); });
}

bool LeaseService::breakLock(const std::string& name, Fence expected, BreakMode mode)
{
    requireNative();
    checkLockName(name);
    _calls.ensurePrepared(_calls.serviceStop());
    const auto deadline = _clock->now() + _policy.lease.effectiveCallTimeout();
    const auto breakIt = [&](const CallContext& context) { return _calls.store().breakLock(name, expected, mode, context); };
    // Sent twice, `now` could answer false for the break that it made.
    const bool broken = mode == BreakMode::now ? breakIt(CallContext(*_clock, deadline, _calls.serviceStop()))
                                               : _calls.withRetries(deadline, _calls.serviceStop(), breakIt);
    if (broken && mode == BreakMode::now)
        _lines.mayBeFree(name, _clock->now(), std::nullopt);
    return broken;
}

StoreCheck LeaseService::check()
{
    requireNative();
    _calls.prepare(_calls.serviceStop());
    const auto ask = [&](auto verb)
    { return _calls.withRetries(_clock->now() + _policy.lease.effectiveCallTimeout(), _calls.serviceStop(), verb); };
    StoreCheck found;
    found.engine = ask([&](const CallContext& context) { return _calls.store().engine(context); });
    const auto began = _clock->now();
    ask([&](const CallContext& context) { return _calls.store().find("leasehold check", context); });
    found.roundTrip = _clock->now() - began;
    found.store = _calls.store().info();
    return found;
}

LockLostError lostError(const Lease& lease, const std::string& detail)
{
    const auto reason = lease.lossReasonAt(lease.clock().now());
    std::string why;
    switch (reason)
    {
    case LossReason::expired:
        why = "its lease could not be renewed in time (the store was away, or this process was paused)";
        break;
    case LossReason::refused:
        why = "the store says that it is no longer ours (it expired, was broken, or the storage was lost)";
        break;
    case LossReason::maxHold:
        why = "it was held for as long as maxHold allows";
        break;
    case LossReason::serviceStopped:
        why = "its LockManagerService was destroyed";
        break;
    }
    return {"lock \"" + lease.name() + "\" (fence " + std::to_string(lease.fence()) + ") was lost: " + (detail.empty() ? why : detail) +
                "; what was done under it may have met another holder's work: check it, and take the lock again",
            reason};
}

} // namespace Leasehold
