#include "LeaseService.h"

#include "HolderText.h"
#include "Leasehold/LoggerObserver.h"
#include "LockWait.h"
#include "RequestRules.h"

#include <utility>

namespace Leasehold
{
namespace
{

std::shared_ptr<const TimeSource> clockOf(const ServiceParts& parts)
{
    return parts.clock ? parts.clock : TimeSource::system();
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
    _lines([this](const LeaseHandoff& handoff) { _releaser.giveBack(handoff); }),
    _leases(_calls, _policy, _observers,
            [this](const Orphan& orphan, const ReleaseReply& reply) { _releaser.orphanReleased(orphan, reply); }),
    _releaser(_policy, _calls, *_observers, _lines, _leases), _watch(*_clock, _lines, _leases)
{
}

LeaseService::~LeaseService()
{
    stop();
}

void LeaseService::stop() noexcept
{
    _stop.request_stop(); // first, because another thread may be starting the threads or be in a call
    _leases.stop([this] { _watch.close(); });
}

ServiceCore LeaseService::core()
{
    return {_policy, _clock, *_observers, _calls, _lines, _leases, _releaser, _watch, *this};
}

std::shared_ptr<const LeasePolicy> LeaseService::leasePolicyFor(const LockOptions& options) const
{
    if (!options.ttl && !options.maxHold)
        return _leasePolicy;
    auto lease = options.ttl ? _policy.lease.forTTL(*options.ttl) : _policy.lease;
    if (options.maxHold)
        lease.maxHold = options.maxHold;
    try
    {
        lease.validate();
        if (options.ttl)
        {
            auto policy = _policy;
            policy.lease = lease;
            policy.validateFor(_calls.store().info());
        }
    }
    catch (const LockConfigurationError& error)
    {
        throw InvalidLockRequest("a ttl of " + formatDuration(lease.ttl) + " in the options does not fit this service: " + error.message());
    }
    return std::make_shared<const LeasePolicy>(lease);
}

/// Checks all options but minHold, which depends on the lease.
void LeaseService::requireValid(const std::string& name, const LockOptions& options) const
{
    checkLockName(name);
    if (options.ttl)
        checkTtl(*options.ttl);
    if (options.wait)
        checkWait(*options.wait);
    if (options.maxHold)
        checkMaxHold(*options.maxHold);
    if (options.fenceFloor != 0)
        checkFenceFloor(options.fenceFloor, std::chrono::system_clock::now());
}

LockAttempt LeaseService::tryAcquire(const std::string& name, const LockOptions& options)
{
    requireNative();
    requireValid(name, options);
    auto lease = leasePolicyFor(options);
    if (options.minHold != Milliseconds{0})
        checkMinHold(options.minHold, *lease, _calls.store().info());

    const EitherStop stop(_calls.serviceStop(), options.cancel);
    const auto parts = core();
    const auto started = _clock->now();
    LockAcquisition acquisition(parts, name, options, std::move(lease), stop.token(), started);
    acquisition.throwIfCancelled();
    try
    {
        LockWait wait(parts, acquisition);
        auto firstAsk = started; // reading the clock again would cost as much as a large part of a call to a fast store
        if (!_leases.isStarted())
        {
            prepareAndStart(wait);
            firstAsk = _clock->now();
        }
        auto answer = wait.obtain(firstAsk);
        if (auto* holder = std::get_if<LockRecord>(&answer))
        {
            acquisition.releaseOrphan();
            auto shown = asHolderSees(std::move(*holder));
            _observers->tell(&LockObserver::held, name, shown);
            return LockAttempt(std::move(shown));
        }
        auto& granted = std::get<std::shared_ptr<Lease>>(answer);
        _observers->tell(&LockObserver::acquired, name, granted->fence(), acquisition.answered() - started);
        return LockAttempt(Lock(std::move(granted)));
    }
    catch (const LockStoreUnavailable&)
    {
        acquisition.releaseOrphan();
        acquisition.throwIfCancelled();
        throw;
    }
    catch (...)
    {
        acquisition.releaseOrphan();
        throw;
    }
}

void LeaseService::prepareAndStart(LockWait& wait)
{
    wait.prepare();
    _leases.start([this] { _watch.open(_calls.store()); });
}

/// Replaces the fence of a handed-on lease: the storage shows the greatest reserved fence, this shows the present holder's.
LockRecord LeaseService::asHolderSees(LockRecord record) const
{
    record.fence = _leases.table().holderFence(record.name, record.fence);
    return record;
}

std::string LeaseService::describeHeld(const LockRecord& holder, const std::string& name) const
{
    return "lock \"" + name + "\" in " + toString(_calls.store().info()) + " is " + describeHolder(holder) +
           "; wait for it with LockOptions::wait, or try later";
}

template <typename Verb>
auto LeaseService::ask(Verb verb)
{
    _calls.ensureReadable(_calls.serviceStop());
    return _calls.withRetries(_clock->now() + _policy.lease.effectiveCallTimeout(), _calls.serviceStop(), verb);
}

std::optional<LockRecord> LeaseService::find(const std::string& name)
{
    requireNative();
    checkLockName(name);
    auto found = ask([&](const CallContext& context) { return _calls.store().find(name, context); });
    return found ? std::optional(asHolderSees(std::move(*found))) : std::nullopt;
}

std::vector<LockRecord> LeaseService::list(const ListQuery& query)
{
    requireNative();
    checkListQuery(query);
    auto found = ask([&](const CallContext& context) { return _calls.store().list(query, context); });
    for (auto& record : found)
        record = asHolderSees(std::move(record));
    return found;
}

bool LeaseService::breakLock(const std::string& name, Fence expected, BreakMode mode)
{
    requireNative();
    checkLockName(name);
    _calls.ensurePrepared(_calls.serviceStop());
    const auto stored = _leases.table().storedFence(name, expected);
    const auto deadline = _clock->now() + _policy.lease.effectiveCallTimeout();
    const auto breakIt = [&](const CallContext& context) { return _calls.store().breakLock(name, stored, mode, context); };
    // Never sent twice: with mode `now`, the second answer could be false although the first request broke the lease.
    const bool broken = mode == BreakMode::now ? breakIt(CallContext(*_clock, deadline, _calls.serviceStop()))
                                               : _calls.withRetries(deadline, _calls.serviceStop(), breakIt);
    if (!broken)
        return false;
    _lines.dropHandoffs(name, stored);
    _leases.loseBroken(name, stored);
    if (mode == BreakMode::now)
        _lines.invite(name, _clock->now());
    return true;
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

} // namespace Leasehold
