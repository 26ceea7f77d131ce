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

/// A prune that forgot so many records has probably left some: the next page follows soon.
constexpr std::size_t muchPruned = 500;
constexpr std::chrono::seconds nextPageAfter{1};

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
    const std::stop_token& cancel;
    const LocalTime started;
    const LocalTime giveUp;
    LocalTime firstAsk = started;         ///< just before the first request; to read the clock again would cost a quick store much
    LocalTime answered = started;         ///< when the store was heard last
    std::optional<LocalTime> turnBegan{}; ///< a grant goes on with this turn of WaitLines
    bool unknown = false;                 ///< a request with this token may have taken effect unseen

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
    _calls.store().setListener(_hints);
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
    if (options.fenceFloor != 0)
        checkFenceFloor(options.fenceFloor, std::chrono::system_clock::now());
    auto lease = leasePolicyFor(options);

    const EitherStop stop(_calls.serviceStop(), options.cancel);
    const auto started = _clock->now();
    AcquireRequest request{name, _policy.token.draw(), lease->ttl, options.metadata.json(), options.fenceFloor};
    Acquisition acquisition{options,      std::move(lease), std::move(request),
                            stop.token(), started,          later(started, options.wait.value_or(_policy.wait.limit))};
    acquisition.throwIfCancelled();
    try
    {
        if (!_started.load(std::memory_order_acquire))
        {
            _calls.ensurePrepared(acquisition.cancel);
            startThreads();
            acquisition.firstAsk = _clock->now();
        }
        auto answer = obtain(acquisition);
        if (auto* holder = std::get_if<LockRecord>(&answer))
        {
            layGhost(acquisition);
            _observers->tell(&LockObserver::held, name, *holder);
            return LockAttempt(std::move(*holder));
        }
        auto& granted = std::get<std::shared_ptr<Lease>>(answer);
        _observers->tell(&LockObserver::acquired, name, granted->ref().fence, acquisition.answered - started);
        return LockAttempt(Lock(std::move(granted)));
    }
    catch (const LockStoreUnavailable&)
    {
        layGhost(acquisition);
        acquisition.throwIfCancelled();
        throw;
    }
    catch (...)
    {
        layGhost(acquisition);
        throw;
    }
}

/// Something of this acquisition may be in the storage although its caller gets no lock.
void LeaseService::layGhost(Acquisition& acquisition)
{
    if (std::exchange(acquisition.unknown, false))
        _keeper.layGhost(acquisition.request.name, acquisition.request.token);
}

/// Asks until it is granted, or the time is over (then: the holder).
LeaseService::Answer LeaseService::obtain(Acquisition& acquisition)
{
    std::optional<LockRecord> holder;
    const bool mayWait = acquisition.giveUp > acquisition.started;
    if (!mayWait || !_lines.exists(acquisition.request.name))
    {
        auto answer = askOnce(acquisition, acquisition.firstAsk);
        if (!mayWait || std::holds_alternative<std::shared_ptr<Lease>>(answer))
            return answer;
        holder = std::move(std::get<LockRecord>(answer));
    }
    return waitInLine(acquisition, std::move(holder));
}

LeaseService::Answer LeaseService::waitInLine(Acquisition& acquisition, std::optional<LockRecord> holder)
{
    const auto& name = acquisition.request.name;
    WaitLines::Place place(_lines, name, *_clock);
    const std::stop_callback onCancel(acquisition.cancel, [&place] { place.wake(); });
    const auto tellWaited = [&](LocalTime now) { _observers->tell(&LockObserver::waited, name, *holder, now - acquisition.started); };
    if (holder)
    {
        place.setHolder(*holder);
        tellWaited(acquisition.answered);
    }

    auto pollAt = LocalTime::max(); // of the first: when it asks uninvited; max(): not planned yet
    for (int polls = 0;;)
    {
        acquisition.throwIfCancelled();
        if (acquisition.cancel.stop_requested())
            throw LockStoreUnavailable("the service was stopped while it waited for lock \"" + name + "\"");
        const auto now = _clock->now();
        const bool first = place.isFirst();
        if (!holder || !first)
            if (auto known = place.holder())
                holder = std::move(known);
        if (first && pollAt == LocalTime::max())
            pollAt = holder ? now + _policy.wait.backoff->delay(++polls, holder->remaining) : now;

        auto askAt = LocalTime::max();
        if (first)
        {
            const auto invitation = place.invitation();
            askAt = invitation ? invitation->askAt : pollAt;
        }
        const bool timeIsOver = now >= acquisition.giveUp;
        if (timeIsOver && holder && !first)
            return std::move(*holder); // the first has asked for all
        if (now < askAt && !timeIsOver)
        {
            place.wait(std::min(askAt, acquisition.giveUp));
            continue;
        }

        const auto invitation = first ? place.takeInvitation() : std::nullopt;
        acquisition.turnBegan = invitation ? invitation->turnBegan : std::nullopt;
        auto answer = askOnce(acquisition, now);
        if (std::holds_alternative<std::shared_ptr<Lease>>(answer))
            return answer;
        holder = std::move(std::get<LockRecord>(answer));
        place.setHolder(*holder);
        if (timeIsOver)
            return std::move(*holder);
        tellWaited(acquisition.answered);
        pollAt = LocalTime::max();
    }
}

/// One question to the store at `now`, repeated only if no answer came.
LeaseService::Answer LeaseService::askOnce(Acquisition& acquisition, LocalTime now)
{
    const auto deadline = now + acquisition.lease->effectiveCallTimeout();
    for (int spent = 0; spent < mostSpentTokens; ++spent)
    {
        auto requested = now; // before the request is sent: the lease counts from here
        bool again = spent > 0;
        auto reply = _calls.withRetries(
            deadline, acquisition.cancel,
            [&](const CallContext& context)
            {
                if (std::exchange(again, true))
                    requested = _clock->now();
                const bool unknownBefore = std::exchange(acquisition.unknown, true);
                auto answer = _calls.store().acquire(acquisition.request, context);
                acquisition.answered = _clock->now();
                if (answer.status == AcquireStatus::granted &&
                    acquisition.answered >= acquisition.lease->validUntil(requested, answer.record.remaining) - LeaseTable::lossLead)
                    throw LockStoreUnavailable("the grant of lock \"" + acquisition.request.name + "\" by " +
                                               _calls.store().info().location + " came when its lease was over; try again");
                acquisition.unknown = unknownBefore;
                return answer;
            });
        if (reply.status == AcquireStatus::held)
            return std::move(reply.record);
        if (reply.status == AcquireStatus::granted)
        {
            acquisition.unknown = false;
            return keep(acquisition, reply.record, requested);
        }
        // An earlier request of ours did take effect, and that lease has ended meanwhile.
        acquisition.request.token = _policy.token.draw();
        acquisition.unknown = false;
    }
    throw LockStoreError("the store " + _calls.store().info().location +
                         " calls fresh tokens spent; it does not keep the rule of LeaseRules.h");
}

std::shared_ptr<Lease> LeaseService::keep(Acquisition& acquisition, const LockRecord& granted, LocalTime requested)
{
    auto lease = std::make_shared<Lease>(LeaseRef{std::move(acquisition.request.name), std::move(acquisition.request.token), granted.fence},
                                         std::move(acquisition.lease), _clock, weak_from_this(), requested,
                                         acquisition.turnBegan.value_or(requested));
    if (!_table.add(*lease, requested, granted.remaining))
        throw LockStoreUnavailable("the service was stopped while it acquired lock \"" + lease->ref().name + "\"");
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

/// The holder of a lost lease is done with it. If the storage may still keep it from others, they need not wait for its end.
void LeaseService::giveBackLost(Lease& lease, LocalTime now)
{
    const auto reason = lease.lossReason();
    const bool mayBeStored = reason == LossReason::expired || reason == LossReason::maxHold;
    if (!mayBeStored || now >= lease.storedUntil() || !lease.claimGivingBack())
        return;
    try
    {
        const auto deadline = std::min(now + lease.policy().effectiveCallTimeout(), lease.storedUntil());
        _calls.store().release(lease.ref(), CallContext(*_clock, deadline, _calls.serviceStop()));
        _lines.mayBeFree(lease.ref().name, _clock->now(), lease.turnBegan());
    }
    catch (const std::exception& error)
    {
        _observers->tell(&LockObserver::releaseFailed, lease.ref().name, lease.ref().fence, std::string(error.what()));
    }
}

/// Tells the observers of a failure, and passes it on.
ReleaseStatus LeaseService::sendRelease(Lease& lease, LocalTime now)
{
    const auto fail = [&](const std::string& why)
    { _observers->tell(&LockObserver::releaseFailed, lease.ref().name, lease.ref().fence, why); };
    try
    {
        return _calls.withRetries(now + lease.policy().effectiveCallTimeout(), _calls.serviceStop(),
                                  [&](const CallContext& context) { return _calls.store().release(lease.ref(), context); });
    }
    catch (const LockStoreError& error)
    {
        fail(error.what());
        throw;
    }
    catch (const std::exception& error)
    {
        fail(error.what());
        throw LockStoreError("lock \"" + lease.ref().name + "\" could not be released in " + _calls.store().info().location + ": " +
                             error.what() + "; its lease ends by itself");
    }
}

void LeaseService::release(Lease& lease)
{
    const auto began = _clock->now();
    const auto start = _table.beginRelease(lease, began);
    if (start == LeaseTable::ReleaseStart::lostNow)
        reportLoss(lease);
    if (start != LeaseTable::ReleaseStart::released)
    {
        if (lease.standing() == Lease::Standing::released)
            return;
        giveBackLost(lease, began);
        throw lostError(lease);
    }

    if (sendRelease(lease, began) == ReleaseStatus::notHeld)
    {
        _table.markReleaseRefused(lease);
        reportLoss(lease);
        throw lostError(lease);
    }
    const auto now = _clock->now();
    _lines.mayBeFree(lease.ref().name, now, lease.turnBegan());
    _observers->tell(&LockObserver::released, lease.ref().name, lease.ref().fence, now - lease.acquiredAt());
    pruneIfDue(now);
}

void LeaseService::pruneIfDue(LocalTime now)
{
    if (_policy.retention.pruneEvery == forever)
        return;
    auto due = _pruneAt.load(std::memory_order_relaxed);
    const auto next = later(now, _policy.retention.pruneEvery);
    if (now.time_since_epoch().count() < due || !_pruneAt.compare_exchange_strong(due, next.time_since_epoch().count()))
        return;
    try
    {
        const auto pruned = _calls.store().prune(_policy.retention.retention,
                                                 CallContext(*_clock, now + _policy.lease.effectiveCallTimeout(), _calls.serviceStop()));
        if (pruned >= muchPruned)
            _pruneAt = std::min(next, now + nextPageAfter).time_since_epoch().count();
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
    return {"lock \"" + lease.ref().name + "\" (fence " + std::to_string(lease.ref().fence) +
                ") was lost: " + (detail.empty() ? why : detail) +
                "; what was done under it may have met another holder's work: check it, and take the lock again",
            reason};
}

} // namespace Leasehold
