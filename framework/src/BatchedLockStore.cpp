#include "Leasehold/Store/BatchedLockStore.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace Leasehold
{
namespace
{

template <typename Reply, typename What>
Reply& replyOf(BatchStep& step, const What& what)
{
    if (const auto* const failure = step.failure())
        failure->raise(what);
    if (auto* const reply = step.replyAs<Reply>())
        return *reply;
    throw LockStoreError(std::string(what) + "the store gave the outcome of another verb; this is an error in the store's code");
}

RenewReply renewReplyOf(BatchStep& step)
{
    const auto* const failure = step.failure();
    if (!failure)
        return replyOf<RenewReply>(step, "cannot renew lock \"" + step.name() + "\": ");
    return {.status = failure->unavailable ? RenewStatus::unavailable : RenewStatus::failed, .reason = failure->message};
}

} // namespace

/// The beginning of a message. Built only for a message that is needed.
struct BatchedLockStore::What
{
    const char* verb;
    const std::string& name;

    operator std::string() const { return std::string("cannot ") + verb + " lock \"" + name + "\": "; }
};

BatchedLockStore::BatchedLockStore(std::string place, const BatchLimits& limits) :
    _place(std::move(place)), _queue(std::make_shared<BatchQueue>(_place, limits, [this](Batch& batch) { carryOut(batch); }))
{
}

BatchedLockStore::~BatchedLockStore()
{
    if (isForeign())
        ForkGuard::keepForever(std::move(_queue)); // threads of the parent may have been waiting in it
}

AcquireReply BatchedLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    const What what{"acquire", request.name};
    auto steps = carryOutOne(request, what, context);
    auto& reply = replyOf<AcquireReply>(steps.front(), what);
    if (reply.status == AcquireStatus::granted && !_queue->limits().requestsEndSoon && context.timeLeft() == Milliseconds::zero())
        throw LockStoreUnavailable(std::string(what) + _place + ": the answer came after the call's deadline");
    return std::move(reply);
}

std::vector<RenewReply> BatchedLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    requireNative();
    std::vector<RenewReply> replies;
    replies.reserve(requests.size());
    while (replies.size() < requests.size())
    {
        std::vector<BatchStep> steps;
        const auto count = renewalsThatFit(requests.subspan(replies.size()), steps);
        const std::string what = "cannot renew " + std::to_string(count) + " locks: ";
        try
        {
            steps = _queue->carryOut(std::move(steps), context);
            std::transform(steps.begin(), steps.end(), std::back_inserter(replies), renewReplyOf);
        }
        catch (const LockStoreError& problem)
        {
            const auto failure = BatchFailure::of(problem);
            if (replies.empty())
                failure.raise(what);
            replies.resize(replies.size() + count, {.status = failure.unavailable ? RenewStatus::unavailable : RenewStatus::failed,
                                                    .reason = what + failure.message});
        }
    }
    return replies;
}

ReleaseReply BatchedLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    const What what{"release", lease.name};
    auto steps = carryOutOne(lease, what, context);
    const auto& reply = replyOf<ReleaseReply>(steps.front(), what);
    // The first request may have released the lock, and another holder may have been granted it since.
    if (reply.status == ReleaseStatus::notHeld && steps.front().wasSentAgain())
        throw LockStoreUnavailable(std::string(what) + _place +
                                   ": the request was sent again after one without an answer, and the storage says that the lock is not "
                                   "held; whether the first request released it is unknown");
    return reply;
}

std::string BatchedLockStore::encode(const BatchStep&) const
{
    return {};
}

int BatchedLockStore::lane(const BatchStep&) const
{
    return 0;
}

void BatchedLockStore::requireNative() const
{
    _fork.requireNative(_place);
}

void BatchedLockStore::encodeStep(BatchStep& step) const
{
    step.setEncoded(encode(step));
    step.setLane(lane(step));
}

// Constructs the one step in place, because each copy would add to the cost of a lone call.
template <typename Request>
std::vector<BatchStep> BatchedLockStore::carryOutOne(const Request& request, const What& what, const CallContext& context)
{
    requireNative();
    std::vector<BatchStep> steps;
    encodeStep(steps.emplace_back(request));
    try
    {
        return _queue->carryOut(std::move(steps), context);
    }
    catch (const LockStoreError& problem)
    {
        BatchFailure::of(problem).raise(what);
    }
}

// Adds the steps of the first requests that fit into one request to the storage. Returns how many; at least one.
std::size_t BatchedLockStore::renewalsThatFit(std::span<const RenewRequest> requests, std::vector<BatchStep>& steps) const
{
    const auto& limits = _queue->limits();
    std::size_t bytes = 0;
    std::unordered_set<std::string_view> names;
    steps.reserve(std::min(requests.size(), limits.steps));
    for (const auto& request : requests)
    {
        if (limits.distinctNames && !names.insert(request.lease.name).second)
            break;
        if (!steps.empty() && steps.size() >= limits.steps)
            break;
        auto& step = steps.emplace_back(request);
        encodeStep(step);
        bytes += step.encoded().size();
        if (steps.size() > 1 && bytes > limits.bytes)
        {
            steps.pop_back();
            break;
        }
    }
    return steps.size();
}

} // namespace Leasehold
