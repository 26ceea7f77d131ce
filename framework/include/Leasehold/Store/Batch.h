#pragma once

#include "Leasehold/Exceptions.h"
#include "Leasehold/Export.h"
#include "Leasehold/Store/CallContext.h"
#include "Leasehold/Store/LockStore.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace Leasehold
{

class BatchCall;
class BatchQueue;

/// Why a step or a whole batch has no reply: the exception for the caller.
struct LEASEHOLD_EXPORT BatchFailure
{
    std::string message{};   ///< without secrets
    bool unavailable = true; ///< true: LockStoreUnavailable, another attempt may succeed; false: LockStoreError

    /// With the message of `problem`, and `unavailable` as its class says.
    static BatchFailure of(const LockStoreError& problem);

    /// Throws it, with `what` in front of the message: "cannot acquire lock \"a\": ".
    [[noreturn]] void raise(const std::string& what) const;
};

/// One acquire, renewal or release of one lock on its way to the storage, and later its outcome. It has a copy of the request, so it may
/// outlive the call. Exactly one of acquire, renewal and release is not null.
class LEASEHOLD_EXPORT BatchStep
{
public:
    /// An acquire.
    explicit BatchStep(AcquireRequest request) : _request(std::move(request)) {}
    /// A renewal.
    explicit BatchStep(RenewRequest request) : _request(std::move(request)) {}
    /// A release.
    explicit BatchStep(LeaseRef lease) : _request(std::move(lease)) {}

    /// The request of an acquire; nullptr: it is another step.
    const AcquireRequest* acquire() const { return std::get_if<AcquireRequest>(&_request); }
    /// The request of a renewal; nullptr: it is another step.
    const RenewRequest* renewal() const { return std::get_if<RenewRequest>(&_request); }
    /// The lease of a release; nullptr: it is another step.
    const LeaseRef* release() const { return std::get_if<LeaseRef>(&_request); }
    /// The name of the lock.
    const std::string& name() const;

    /// The result of BatchedLockStore::encode for this step.
    const std::string& encoded() const { return _encoded; }

    /// Sets the outcome, whose type must fit the request. A later outcome replaces an earlier one until it was delivered.
    void reply(AcquireReply reply) { _outcome = std::move(reply); }
    void reply(RenewReply reply) { _outcome = std::move(reply); } ///< of a renewal, as above
    void reply(ReleaseReply reply) { _outcome = reply; }          ///< of a release, as above
    /// Fails only this step. A renewal is then answered `unavailable` or `failed`; the other verbs throw.
    void fail(const LockStoreError& problem) { _outcome = BatchFailure::of(problem); }

    /// Must be called before the store sends the step again itself, if the first request may have taken effect. A release that is then
    /// answered notHeld throws LockStoreUnavailable.
    void markSentAgain() { _sentAgain = true; }
    /// Whether markSentAgain was called.
    bool wasSentAgain() const { return _sentAgain; }

    /// Removes an outcome that was not delivered, when the store begins again.
    void forgetOutcome() { _outcome = std::monostate(); }

    // The members below are for BatchedLockStore and BatchQueue.
    /// Whether the step has a reply or has failed.
    bool hasOutcome() const { return !std::holds_alternative<std::monostate>(_outcome); }
    /// nullptr: the step has not failed.
    const BatchFailure* failure() const { return std::get_if<BatchFailure>(&_outcome); }
    /// The reply. nullptr: there is no outcome, or the outcome is not a `Reply`.
    template <typename Reply>
    Reply* replyAs()
    {
        return std::get_if<Reply>(&_outcome);
    }
    /// Sets what encoded returns.
    void setEncoded(std::string encoded) { _encoded = std::move(encoded); }
    /// Sets what lane returns.
    void setLane(int lane) { _lane = lane; }
    /// What BatchedLockStore::lane said of this step.
    int lane() const { return _lane; }

private:
    std::variant<AcquireRequest, RenewRequest, LeaseRef> _request;
    std::variant<std::monostate, AcquireReply, RenewReply, ReleaseReply, BatchFailure> _outcome{};
    std::string _encoded{};
    int _lane = 0;
    bool _sentAgain = false;
};

/// The steps of several calls that share one request. Used only by the thread of one of these calls, the leader.
class LEASEHOLD_EXPORT Batch
{
public:
    /// The steps. The first call takes them from the queue; later calls return the same. A store that must wait before it can begin (for a
    /// connection or a file lock) calls this after the wait: until then further calls join, and waiting calls can leave with nothing
    /// sent.
    std::span<BatchStep* const> steps();

    /// The leader's deadline and cancellation, which apply to the request.
    const CallContext& context() const;

    /// Lets calls whose steps all have an outcome return at once, before the request ends. Their steps must not be used afterwards.
    /// Without it all calls return when carryOut returns.
    void deliver();

    /// Must be called before carryOut throws, if nothing of the request has reached the storage.
    void nothingWasSent() { _notSent = true; }
    /// Must be called before carryOut throws, if the storage refused the request for its content (malformed, too large) and carried out
    /// none of it. Each call then sends its own steps, so that the content of one call does not fail the others.
    void contentWasRefused() { _refused = true; }

private:
    friend class BatchQueue;

    Batch(BatchQueue& queue, std::shared_ptr<BatchCall> leader) : _queue(queue), _leader(std::move(leader)) {}

    void add(std::vector<std::shared_ptr<BatchCall>> calls);

    BatchQueue& _queue;
    const std::shared_ptr<BatchCall> _leader;
    bool _taken = false;
    bool _notSent = false;
    bool _refused = false;
    std::vector<std::shared_ptr<BatchCall>> _calls{}; // the calls that were not delivered yet
    std::vector<BatchStep*> _steps{};
};

} // namespace Leasehold
