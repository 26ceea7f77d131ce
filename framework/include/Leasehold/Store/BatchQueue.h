#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/Store/Batch.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace Leasehold
{

/// The limits of one request to a storage, and the maximum number of requests at once.
struct LEASEHOLD_EXPORT BatchLimits
{
    std::size_t requests = 2;                                    ///< under way at once, unless they hang
    std::size_t steps = 1000;                                    ///< in one request: a slow answer delays all its steps
    std::size_t bytes = std::numeric_limits<std::size_t>::max(); ///< of the results of BatchedLockStore::encode in one request
    bool distinctNames = false;                                  ///< a request may name each lock only once
    /// How long a call waits for requests under way, which may hang, before it is sent beside them. `forever`: it is not, for a storage
    /// that can carry out only so many requests.
    Milliseconds hangsAfter{250};
    /// True if requests end soon after their steps are taken (a transaction). Then a call stays until its request has ended, even past its
    /// deadline, so it knows the outcome, and the first call leads, whatever its deadline is.
    bool requestsEndSoon = false;
};

/// Group commit: sends the calls of many threads in few requests. BatchedLockStore uses one. A store uses it directly only for work other
/// than acquire, renew and release that must take turns with them.
///
/// It has no thread. A call that finds a free place sends at once, with the steps of the waiting calls. While all places are taken, calls
/// wait. When a request ends, it wakes the waiting call with the latest deadline to send for all, so that its deadline cuts no other call
/// short. Calls are sent in the order in which they came. Thread-safe.
class LEASEHOLD_EXPORT BatchQueue
{
public:
    /// The function that carries out a batch, see BatchedLockStore::carryOut.
    using CarryOut = std::function<void(Batch&)>;

    /// `place` names the store in messages: "sqlite store /srv/locks.db". Several threads may call `carryOut` at once; see
    /// BatchedLockStore::carryOut.
    BatchQueue(std::string place, const BatchLimits& limits, CarryOut carryOut);
    BatchQueue(const BatchQueue&) = delete;
    BatchQueue& operator=(const BatchQueue&) = delete;

    /// Carries out the steps of one call in one request, and returns them with their outcomes. Throws LockStoreUnavailable or
    /// LockStoreError if the request failed.
    std::vector<BatchStep> carryOut(std::vector<BatchStep> steps, const CallContext& context);

    /// Runs `work` in the calling thread when it is its turn, in the place of a request. Later calls do not overtake it for long. Throws
    /// the exceptions of `work`, and LockStoreUnavailable if the call's deadline passes before its turn.
    void takeTurn(const CallContext& context, const std::function<void()>& work);

    /// The limits of this queue.
    const BatchLimits& limits() const noexcept { return _limits; }

    /// The number of calls that wait to be sent. For tests.
    std::size_t waiting();

    /// For a store that must know at a fork whether its storage is in use: until resumeAfterFork no request begins or ends. True: a request
    /// is under way.
    bool holdForFork();
    /// Lets requests begin and end again. The thread that called holdForFork must call it, in the parent and in the child.
    void resumeAfterFork();

private:
    friend class Batch;
    using Call = BatchCall;
    using Calls = std::vector<std::shared_ptr<Call>>;

    std::shared_ptr<Call> enter(std::vector<BatchStep> steps, const CallContext& context, bool isTurn);
    void awaitTurn(const std::shared_ptr<Call>& call);
    void tryToLead(const std::shared_ptr<Call>& call, bool othersHang);
    void leave(const std::shared_ptr<Call>& call);
    void lead(const std::shared_ptr<Call>& call);
    void sendSingly(const std::shared_ptr<Call>& call);
    std::optional<BatchFailure> attempt(Batch& batch);
    void take(Batch& batch);
    void deliver(Batch& batch);
    void end(Batch& batch, const std::optional<BatchFailure>& failure);
    BatchFailure overWhileWaiting(const Call& call) const;

    // The caller of these functions has locked the mutex:
    std::shared_ptr<Call> leadOrInvite(const std::shared_ptr<Call>& call, bool othersHang);
    Calls selected(const Call* leader) const;
    std::shared_ptr<Call> bestLeader() const;
    void invite(Calls& toWake);
    void dropOverdue(const Call& leader, Calls& toWake);
    void requeue(const Batch& batch);
    void settle(Call& call, std::optional<BatchFailure> failure) const;

    const std::string _place;
    const BatchLimits _limits;
    const CarryOut _carryOut;
    std::mutex _mutex; // guards the members below, and the stage of each call
    std::deque<std::shared_ptr<Call>> _waiting;
    std::size_t _underWay = 0;
};

} // namespace Leasehold
