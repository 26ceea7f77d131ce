#include "LockAcquisition.h"

#include "HolderText.h"
#include "Lease.h"
#include "LeaseReleaser.h"
#include "LeaseService.h"
#include "LeaseSupervision.h"
#include "StoreCalls.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{
namespace
{

/// A storage that answers "spent" to so many fresh tokens in a row breaks the rules.
constexpr int maxSpentTokens = 3;

} // namespace

LockAcquisition::LockAcquisition(const ServiceCore& core, const std::string& name, const LockOptions& options,
                                 std::shared_ptr<const LeasePolicy> lease, const std::stop_token& cancel, LocalTime started) :
    _core(core),
    _options(options),
    _lease(std::move(lease)), _request{name, core.policy.token.draw(), _lease->ttl, options.metadata.json(), options.fenceFloor},
    _cancel(cancel), _started(started), _giveUp(later(started, options.wait.value_or(core.policy.wait.limit))), _answered(started)
{
}

void LockAcquisition::throwIfCancelled() const
{
    if (_options.cancel.stop_requested())
        throw LockWaitCancelled("the wait for lock \"" + name() + "\" was cancelled by its caller");
}

/// See LockOptions::minHold. It counts from the answer, because the storage may have granted the lock as late as that.
LocalTime LockAcquisition::stayUntil() const
{
    return _options.minHold > Milliseconds{0} ? later(_answered, _options.minHold) : LocalTime::min();
}

void LockAcquisition::reserveFences(Fence wanted)
{
    if (!_core.calls.reservesFences() || _mayBeTaken || wanted == _request.reservedFences)
        return;
    _request.reservedFences = wanted;
    _request.token = _core.policy.token.draw();
}

LockAcquisition::Answer LockAcquisition::ask(LocalTime now)
{
    const auto& store = _core.calls.store();
    const auto deadline = now + _lease->effectiveCallTimeout();
    for (int spent = 0; spent < maxSpentTokens; ++spent)
    {
        auto requested = now; // before the request is sent: the lease counts from here
        bool again = spent > 0;
        auto reply = _core.calls.withRetries(deadline, _cancel,
                                             [&](const CallContext& context)
                                             {
                                                 if (std::exchange(again, true))
                                                     requested = _core.clock->now();
                                                 return send(requested, context);
                                             });
        if (reply.status == AcquireStatus::held)
            return std::move(reply.record);
        if (reply.status == AcquireStatus::granted)
        {
            _mayBeTaken = reply.record.fence <= _request.reservedFences;
            if (_mayBeTaken)
                throw LockStoreError("the store " + store.info().location +
                                     " says that it reserves fences, and does not; see AcquireRequest::reservedFences");
            return keep(reply.record, requested);
        }
        // An earlier request with this token took effect, and its lease has ended meanwhile.
        _request.token = _core.policy.token.draw();
        _mayBeTaken = false;
    }
    throw LockStoreError("the store " + store.info().location + " calls fresh tokens spent; it does not keep the rule of LeaseRules.h");
}

AcquireReply LockAcquisition::send(LocalTime& requested, const CallContext& context)
{
    const bool mayBeTakenBefore = std::exchange(_mayBeTaken, true);
    auto answer = _core.calls.store().acquire(_request, context);
    _answered = _core.clock->now();
    if (answer.status == AcquireStatus::granted &&
        _answered >= _lease->validUntil(requested, answer.record.remaining) - LeasePolicy::lossLead)
        throw LockStoreUnavailable("the grant of lock \"" + name() + "\" by " + toString(_core.calls.store().info()) +
                                   " came when its lease was over; try again");
    _mayBeTaken = mayBeTakenBefore;
    return answer;
}

std::shared_ptr<Lease> LockAcquisition::takeOver(const LeaseHandoff& handoff, LocalTime now)
{
    if (!handoff.fits(_request) || now >= _lease->nextRenewal(handoff.requested()))
    {
        _core.releaser.giveBack(handoff);
        return nullptr;
    }
    releaseOrphan();
    _answered = now;
    auto lease =
        std::make_shared<Lease>(handoff.ref, handoff.fence, std::make_unique<const std::string>(handoff.metadata), std::move(_lease),
                                _core.clock, _core.service.weak_from_this(), now, handoff.turnBegan, stayUntil());
    begin(*lease, handoff.requested(), handoff.ttl);
    return lease;
}

void LockAcquisition::releaseOrphan()
{
    if (!std::exchange(_mayBeTaken, false))
        return;
    const bool stopped = _core.calls.serviceStop().stop_requested();
    if (stopped || !_core.leases.releaseOrphan({{_request.name, _request.token}, later(_core.clock->now(), _request.ttl)}))
        _core.releaser.releaseOrphan({_request.name, _request.token});
}

std::shared_ptr<Lease> LockAcquisition::keep(const LockRecord& granted, LocalTime requested)
{
    auto metadata = _request.reservedFences > 0 ? std::make_unique<const std::string>(_request.metadata) : nullptr;
    auto lease = std::make_shared<Lease>(LeaseRef{std::move(_request.name), std::move(_request.token), granted.fence},
                                         granted.fence - _request.reservedFences, std::move(metadata), std::move(_lease), _core.clock,
                                         _core.service.weak_from_this(), requested, _turnBegan.value_or(requested), stayUntil());
    begin(*lease, requested, granted.remaining);
    return lease;
}

void LockAcquisition::begin(Lease& lease, LocalTime requested, Milliseconds remaining) const
{
    if (_core.leases.table().add(lease, requested, remaining))
        return;
    _core.releaser.giveBack(lease);
    throw LockStoreUnavailable("the service was stopped while it acquired lock \"" + lease.name() + "\"");
}

} // namespace Leasehold
