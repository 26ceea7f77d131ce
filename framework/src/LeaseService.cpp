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

/// A storage that answers "spent" to so many fresh tokens in a row does not keep the rule.
constexpr int mostSpentTokens = 3;

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

LocalTime later(LocalTime from, Milliseconds span)
{
    return span == forever ? LocalTime::max() : from + span;
}

} // namespace

/// One call of tryAcquire.
struct LeaseService::Acquisition
{
    const LockOptions& options;
    std::shared_ptr<const LeasePolicy> lease;
    AcquireRequest request;
    std::stop_token cancel;
    LocalTime started;
    LocalTime giveUp;
    bool unknown = false; ///< a request with this token may have taken effect unseen

    void throwIfCancelled() const
    {
        if (options.cancel.stop_requested())
            throw LockWaitCancelled("the wait for lock \"" + request.name + "\" was cancelled by its caller");
    }
};

LeaseService::LeaseService(std::shared_ptr<LockStore> store, LockPolicy policy, ServiceParts parts) :
    _policy(checked(std::move(policy))), _leasePolicy(std::make_shared<const LeasePolicy>(_policy.lease)), _clock(clockOf(parts)),
    _observers(observersOf(parts)), _calls(required(std::move(store)), _clock, _policy, _observers, _stop.get_token()),
    _table([this] { _keeper.wake(); }, [this] { _watchdog.wake(); }), _notifier(_clock, _observers), _watchdog(_clock, _table, _notifier),
    _keeper(_calls, _policy.retry, _table, _watchdog, _notifier),
    _pruneAt(later(_clock->now(), _policy.retention.pruneEvery).time_since_epoch().count())
{
}

LeaseService::~LeaseService()
{
    stop();
}

void LeaseService::stop() noexcept
{
    if (_stopped.exchange(true))
        return;
    _stop.request_stop();
    _notifier.lost(_table.close());
    _watchdog.stop();
    _keeper.stop();
    _notifier.stop(_policy.lease.effectiveCallTimeout());
}

void LeaseService::startThreads()
{
    if (_started.load(std::memory_order_acquire))
        return;
    const std::lock_guard guard(_starting);
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
    _started.store(true, std::memory_order_release);
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

LockAttempt LeaseService::tryAcquire(const std::string& name, const LockOptions& options)
{
    requireNative();
    checkLockName(name);
    if (options.ttl)
        checkTtl(*options.ttl);
    if (options.wait)
        checkWait(*options.wait);
    if (options.maxHold)
        checkMaxHold(*options.maxHold);
    checkFenceFloor(options.fenceFloor, std::chrono::system_clock::now());
    auto lease = leasePolicyFor(options);

    const EitherStop stop(_calls.serviceStop(), options.cancel);
    const auto started = _clock->now();
    const AcquireRequest request{name, _policy.token.draw(), lease->ttl, options.metadata.json(), options.fenceFloor};
    Acquisition acquisition{options,      std::move(lease), request,
                            stop.token(), started,          later(started, options.wait.value_or(_policy.wait.limit))};
    try
    {
        _calls.ensurePrepared(acquisition.cancel);
        startThreads();
        std::shared_ptr<Lease> granted;
        if (auto holder = waitFor(acquisition, granted))
        {
            if (acquisition.unknown)
                _keeper.layGhost(name, acquisition.request.token);
            _observers->tell(&LockObserver::held, name, *holder);
            return LockAttempt(std::move(*holder));
        }
        _observers->tell(&LockObserver::acquired, name, granted->ref().fence, _clock->now() - started);
        return LockAttempt(Lock(std::move(granted)));
    }
    catch (const LockStoreUnavailable&)
    {
        if (acquisition.unknown)
            _keeper.layGhost(name, acquisition.request.token);
        acquisition.throwIfCancelled();
        throw;
    }
    catch (const LockException&)
    {
        if (acquisition.unknown)
            _keeper.layGhost(name, acquisition.request.token);
        throw;
    }
}

/// Asks until it is granted (`lease` is set), or the time is over (the holder).
std::optional<LockRecord> LeaseService::waitFor(Acquisition& acquisition, std::shared_ptr<Lease>& lease)
{
    const auto& name = acquisition.request.name;
    std::optional<LockRecord> holder;
    const auto ask = [&]
    {
        auto answer = askOnce(acquisition);
        if (auto* granted = std::get_if<std::shared_ptr<Lease>>(&answer))
            lease = std::move(*granted);
        else
            holder = std::move(std::get<LockRecord>(answer));
        return lease != nullptr;
    };

    const bool mayWait = acquisition.giveUp > acquisition.started;
    if (!mayWait || !_lines.exists(name))
        if (ask() || !mayWait)
            return holder;

    WaitLines::Place place(_lines, name, *_clock);
    const std::stop_callback onCancel(acquisition.cancel, [&place] { place.wake(); });
    for (int attempt = 1;; ++attempt)
    {
        const auto now = _clock->now();
        if (place.isFirst() && holder)
            place.setHolder(*holder);
        else if (auto known = place.holder())
            holder = std::move(known);
        if (now >= acquisition.giveUp && holder)
            return holder;
        if (holder)
            _observers->tell(&LockObserver::waited, name, *holder, now - acquisition.started);

        const auto left = holder ? holder->remaining : Milliseconds{0};
        const auto pollAt = holder && place.isFirst() ? now + _policy.wait.backoff->delay(attempt, left) : now;
        place.wait(place.isFirst() ? std::min(pollAt, acquisition.giveUp) : acquisition.giveUp);
        acquisition.throwIfCancelled();
        if (acquisition.cancel.stop_requested())
            throw LockStoreUnavailable("the service was stopped while it waited for lock \"" + name + "\"");
        if ((place.isFirst() || _clock->now() >= acquisition.giveUp) && ask())
            return std::nullopt;
    }
}

/// One question to the store, repeated only if no answer came.
std::variant<std::shared_ptr<Lease>, LockRecord> LeaseService::askOnce(Acquisition& acquisition)
{
    for (int spent = 0; spent < mostSpentTokens; ++spent)
    {
        auto requested = acquisition.started;
        const auto limit = acquisition.lease->effectiveCallTimeout();
        auto reply = _calls.withRetries(
            limit, acquisition.cancel,
            [&](const CallContext& context)
            {
                requested = _clock->now(); // before the request is sent: the lease counts from here
                const bool unknownBefore = std::exchange(acquisition.unknown, true);
                auto answer = _calls.store().acquire(acquisition.request, context);
                if (answer.status == AcquireStatus::granted &&
                    _clock->now() >= acquisition.lease->validUntil(requested, answer.record.remaining) - LeaseTable::lossLead)
                    throw LockStoreUnavailable("the grant of lock \"" + acquisition.request.name + "\" by " +
                                               _calls.store().info().location + " came when its lease was over; try again");
                acquisition.unknown = unknownBefore;
                return answer;
            });
        if (reply.status == AcquireStatus::held)
            return std::move(reply.record);
        if (reply.status == AcquireStatus::granted)
            return keep(acquisition, reply.record, requested);
        // An earlier request of ours did take effect, and that lease has ended meanwhile.
        acquisition.request.token = _policy.token.draw();
        acquisition.unknown = false;
    }
    throw LockStoreError("the store " + _calls.store().info().location +
                         " calls fresh tokens spent; it does not keep the rule of LeaseRules.h");
}

std::shared_ptr<Lease> LeaseService::keep(Acquisition& acquisition, const LockRecord& granted, LocalTime requested)
{
    auto lease = std::make_shared<Lease>(LeaseRef{acquisition.request.name, acquisition.request.token, granted.fence}, acquisition.lease,
                                         _clock, weak_from_this(), requested);
    const auto validUntil = acquisition.lease->validUntil(requested, granted.remaining);
    if (!_table.add(*lease, validUntil, acquisition.lease->nextRenewal(requested)))
        throw LockStoreUnavailable("the service was stopped while it acquired lock \"" + acquisition.request.name + "\"");
    return lease;
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

/// The holder of a lost lease is done with it. If it may still be live in the storage, a successor need not wait for its end.
void LeaseService::giveBackLost(Lease& lease)
{
    if (lease.lossReason() == LossReason::refused || lease.lossReason() == LossReason::serviceStopped || !lease.claimGivingBack())
        return;
    try
    {
        const CallContext context(*_clock, _clock->now() + lease.policy().effectiveCallTimeout(), _calls.serviceStop());
        _calls.store().release(lease.ref(), context);
        _lines.mayBeFree(lease.ref().name);
    }
    catch (const std::exception& error)
    {
        _observers->tell(&LockObserver::releaseFailed, lease.ref().name, lease.ref().fence, std::string(error.what()));
    }
}

void LeaseService::release(Lease& lease)
{
    const auto start = _table.beginRelease(lease);
    if (start == LeaseTable::ReleaseStart::lostNow)
        reportLoss(lease);
    if (start != LeaseTable::ReleaseStart::released)
    {
        if (lease.standing() == Lease::Standing::released)
            return;
        giveBackLost(lease);
        throw lostError(lease);
    }

    auto status = ReleaseStatus::notHeld;
    try
    {
        status = _calls.withRetries(lease.policy().effectiveCallTimeout(), _calls.serviceStop(),
                                    [&](const CallContext& context) { return _calls.store().release(lease.ref(), context); });
    }
    catch (const std::exception& error)
    {
        _observers->tell(&LockObserver::releaseFailed, lease.ref().name, lease.ref().fence, std::string(error.what()));
        throw;
    }
    if (status == ReleaseStatus::notHeld)
    {
        _table.markReleaseRefused(lease);
        reportLoss(lease);
        throw lostError(lease);
    }
    _lines.mayBeFree(lease.ref().name);
    _observers->tell(&LockObserver::released, lease.ref().name, lease.ref().fence, _clock->now() - lease.acquiredAt());
    pruneIfDue();
}

void LeaseService::pruneIfDue()
{
    if (_policy.retention.pruneEvery == forever)
        return;
    const auto now = _clock->now();
    auto due = _pruneAt.load(std::memory_order_relaxed);
    if (now.time_since_epoch().count() < due ||
        !_pruneAt.compare_exchange_strong(due, later(now, _policy.retention.pruneEvery).time_since_epoch().count()))
        return;
    try
    {
        _calls.store().prune(_policy.retention.retention,
                             CallContext(*_clock, now + _policy.lease.effectiveCallTimeout(), _calls.serviceStop()));
    }
    catch (const std::exception& error)
    {
        _observers->tell(&LockObserver::pruneFailed, std::string(error.what()));
    }
}

template <typename Verb>
auto LeaseService::ask(const std::stop_token& cancel, Verb verb)
{
    _calls.ensurePrepared(cancel);
    return _calls.withRetries(_policy.lease.effectiveCallTimeout(), cancel, verb);
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
    const auto limit = _policy.lease.effectiveCallTimeout();
    const auto breakIt = [&](const CallContext& context) { return _calls.store().breakLock(name, expected, mode, context); };
    // Sent twice, `now` could answer false for the break that it made.
    const bool broken = mode == BreakMode::now ? breakIt(CallContext(*_clock, _clock->now() + limit, _calls.serviceStop()))
                                               : _calls.withRetries(limit, _calls.serviceStop(), breakIt);
    if (broken && mode == BreakMode::now)
        _lines.mayBeFree(name);
    return broken;
}

StoreCheck LeaseService::check()
{
    requireNative();
    _calls.prepare(_calls.serviceStop());
    const auto began = _clock->now();
    _calls.withRetries(_policy.lease.effectiveCallTimeout(), _calls.serviceStop(),
                       [&](const CallContext& context) { return _calls.store().find("leasehold check", context); });
    return {_calls.store().info(), _clock->now() - began};
}

LockLostError lostError(const Lease& lease, const std::string& detail)
{
    const auto reason = lease.standing() == Lease::Standing::lost ? lease.lossReason() : LossReason::expired;
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
    return {"lock \"" + lease.ref().name + "\" (fence " + std::to_string(lease.ref().fence) +
                ") was lost: " + (detail.empty() ? why : detail) +
                "; what was done under it may have met another holder's work: check it, and take the lock again",
            reason};
}

} // namespace Leasehold
