#include "Leasehold/Store/Batch.h"

#include "BatchCall.h"
#include "Leasehold/Store/BatchQueue.h"

namespace Leasehold
{

BatchFailure BatchFailure::of(const LockStoreError& problem)
{
    return {problem.message(), dynamic_cast<const LockStoreUnavailable*>(&problem) != nullptr};
}

void BatchFailure::raise(const std::string& what) const
{
    if (unavailable)
        throw LockStoreUnavailable(what + message);
    throw LockStoreError(what + message);
}

const std::string& BatchStep::name() const
{
    if (const auto* const request = acquire())
        return request->name;
    if (const auto* const request = renewal())
        return request->lease.name;
    return release()->name;
}

std::span<BatchStep* const> Batch::steps()
{
    if (!_taken)
        _queue.take(*this);
    return _steps;
}

const CallContext& Batch::context() const
{
    return _leader->context;
}

void Batch::deliver()
{
    _queue.deliver(*this);
}

void Batch::add(std::vector<std::shared_ptr<BatchCall>> calls)
{
    _calls = std::move(calls);
    for (const auto& call : _calls)
        for (auto& step : call->steps)
            _steps.push_back(&step);
}

} // namespace Leasehold
