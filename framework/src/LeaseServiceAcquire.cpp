#include "LeaseService.h"

#include "RequestRules.h"

#include <utility>

namespace Leasehold
{
namespace
{

/// A storage that answers "spent" to so many fresh tokens in a row does not keep the rule.
constexpr int mostSpentTokens = 3;

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
        _observers->tell(&LockObserver::acquired, name, granted->fence(), acquisition.answered - started);
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
    WaitLines::Place place(_lines, name, *_clock, &acquisition.request);
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
        if (auto baton = first ? place.takeBaton() : std::nullopt)
            if (auto lease = takeOver(acquisition, *baton, now))
                return lease;
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
        spareFences(acquisition, place.behind());
        auto answer = askOnce(acquisition, now);
        if (std::holds_alternative<std::shared_ptr<Lease>>(answer))
        {
            place.takeBaton(); // what was handed over meanwhile is no lease any more, or the storage would not have granted this one
            return answer;
        }
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
            acquisition.unknown = reply.record.fence <= acquisition.request.spareFences;
            if (acquisition.unknown)
                throw LockStoreError("the store " + _calls.store().info().location +
                                     " says that it spares fences, and does not; see AcquireRequest::spareFences");
            return keep(acquisition, reply.record, requested);
        }
        // An earlier request of ours did take effect, and that lease has ended meanwhile.
        acquisition.request.token = _policy.token.draw();
        acquisition.unknown = false;
    }
    throw LockStoreError("the store " + _calls.store().info().location +
                         " calls fresh tokens spent; it does not keep the rule of LeaseRules.h");
}

/// The next request asks for a fence for each of so many who wait behind. To ask for another number takes another token, or the
/// answer to the request before could be taken for that to this.
void LeaseService::spareFences(Acquisition& acquisition, Fence wanted)
{
    if (!_sparesFences || acquisition.unknown || wanted == acquisition.request.spareFences)
        return;
    acquisition.request.spareFences = wanted;
    acquisition.request.token = _policy.token.draw();
}

/// The lease that was handed to this acquisition; nullptr: it did not fit any more, and was given back.
std::shared_ptr<Lease> LeaseService::takeOver(Acquisition& acquisition, const Baton& baton, LocalTime now)
{
    if (!baton.fits(acquisition.request) || now >= acquisition.lease->nextRenewal(baton.requested()))
    {
        giveBack(baton.ref, baton.fence, baton.storedUntil, baton.turnBegan);
        return nullptr;
    }
    layGhost(acquisition);
    acquisition.answered = now;
    auto lease = std::make_shared<Lease>(baton.ref, baton.fence, std::make_unique<const std::string>(baton.metadata),
                                         std::move(acquisition.lease), _clock, weak_from_this(), now, baton.turnBegan);
    begin(*lease, baton.requested(), baton.ttl);
    return lease;
}

std::shared_ptr<Lease> LeaseService::keep(Acquisition& acquisition, const LockRecord& granted, LocalTime requested)
{
    auto& request = acquisition.request;
    auto metadata = request.spareFences > 0 ? std::make_unique<const std::string>(request.metadata) : nullptr;
    auto lease = std::make_shared<Lease>(LeaseRef{std::move(request.name), std::move(request.token), granted.fence},
                                         granted.fence - request.spareFences, std::move(metadata), std::move(acquisition.lease), _clock,
                                         weak_from_this(), requested, acquisition.turnBegan.value_or(requested));
    begin(*lease, requested, granted.remaining);
    return lease;
}

void LeaseService::begin(Lease& lease, LocalTime requested, Milliseconds remaining)
{
    if (!_table.add(lease, requested, remaining))
        throw LockStoreUnavailable("the service was stopped while it acquired lock \"" + lease.name() + "\"");
}

} // namespace Leasehold
