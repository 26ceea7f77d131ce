#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/BatchQueue.h"
#include "Leasehold/Store/ForkGuard.h"
#include "Leasehold/Store/LockStore.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace Leasehold
{

/// A base for stores whose storage carries out many steps in one request: a `_bulk`, a pipeline, a script over many keys, a transaction.
///
/// It implements acquire, renew and release by group commit. Steps of concurrent calls wait while requests are under way, and share the
/// next one. The thread of a lone call sends it at once. Each call leaves at its own deadline or cancellation, although its request goes
/// on. A store implements carryOut and the verbs that are not batched.
///
/// If the call that sends for others is cancelled or reaches its deadline, the next request sends the steps of the others again. So a step
/// may be carried out twice, which the rules of LeaseRules allow. A release that may have been sent twice and is answered notHeld throws
/// LockStoreUnavailable.
class LEASEHOLD_EXPORT BatchedLockStore : public LockStore
{
public:
    ~BatchedLockStore() override;
    BatchedLockStore(const BatchedLockStore&) = delete;
    BatchedLockStore& operator=(const BatchedLockStore&) = delete;

    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override;

protected:
    /// `place` names the store in messages: "sqlite store /srv/locks.db".
    BatchedLockStore(std::string place, const BatchLimits& limits);

    /// Carries out the steps of the batch in one request, in order and each judged by itself, and sets the outcome of each: reply, or fail
    /// for a failure of only this step. Steps of one batch can name the same lock, unless BatchLimits::distinctNames is set.
    ///
    /// If the request as a whole gets no answer or is refused, it must throw LockStoreUnavailable if another attempt may succeed, else
    /// LockStoreError. Every call of the batch that was not delivered then fails in the same way. Before, it should call nothingWasSent or
    /// contentWasRefused if that is certain. It must end by the deadline of batch.context() and soon after its cancellation. Up to
    /// BatchLimits::requests threads call it at once, and more if requests hang.
    virtual void carryOut(Batch& batch) = 0;

    /// The bytes of the step in a request; carryOut gets them by BatchStep::encoded. Their number counts for BatchLimits::bytes. The
    /// caller's own thread calls it once before the step waits, so that the leader does not do this work for all. The default is empty.
    virtual std::string encode(const BatchStep& step) const;

    /// Steps of different lanes never share a request, for example releases that need not be durable and grants. The default is 0.
    virtual int lane(const BatchStep& step) const;

    /// Throws LockStoreError in a forked child. The batched verbs call it; the other verbs of a store must call it.
    void requireNative() const;
    /// True in a forked child of the process that made this store.
    bool isForeign() const noexcept { return _fork.isForeign(); }

    /// The store's name for messages, as the constructor got it.
    const std::string& place() const noexcept { return _place; }
    /// The queue of the batched verbs, for work that must take turns with them.
    BatchQueue& queue() noexcept { return *_queue; }

private:
    struct What;

    void encodeStep(BatchStep& step) const;
    template <typename Request>
    std::vector<BatchStep> carryOutOne(const Request& request, const What& what, const CallContext& context);
    std::size_t renewalsThatFit(std::span<const RenewRequest> requests, std::vector<BatchStep>& steps) const;

    const ForkGuard _fork;
    const std::string _place;
    std::shared_ptr<BatchQueue> _queue;
};

} // namespace Leasehold
