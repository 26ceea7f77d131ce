#include "Leasehold/FaultyLockStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <array>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace Leasehold
{
namespace
{

struct Fault
{
    FaultyLockStore::Trouble trouble = FaultyLockStore::Trouble::unavailable;
    FaultyLockStore::When when = FaultyLockStore::When::before;
    std::size_t calls = 0; // that it is still for
};

struct RenewalAnswer
{
    RenewStatus status = RenewStatus::lost;
    std::string name{}; // empty: of every lock
    std::size_t calls = 0;
};

/// Whether this call is one of those; counts it.
bool take(std::size_t& calls)
{
    if (calls == 0)
        return false;
    if (calls != FaultyLockStore::always)
        --calls;
    return true;
}

[[noreturn]] void raise(const Fault& fault)
{
    const std::string what =
        fault.when == FaultyLockStore::When::before ? "before the call reached the storage" : "after the call took effect";
    if (fault.trouble == FaultyLockStore::Trouble::unavailable)
        throw LockStoreUnavailable("a FaultyLockStore was told to be unavailable " + what);
    throw LockStoreError("a FaultyLockStore was told to fail " + what);
}

} // namespace

struct FaultyLockStore::State
{
    mutable std::mutex mutex;
    std::array<Fault, storeVerbCount> faults{};
    std::array<std::size_t, storeVerbCount> calls{};
    RenewalAnswer renewals{};

    /// Counts the call, and says what is to happen to it.
    std::optional<Fault> begin(StoreVerb verb)
    {
        const std::lock_guard guard(mutex);
        const auto index = static_cast<std::size_t>(verb);
        ++calls[index];
        return take(faults[index].calls) ? std::optional(faults[index]) : std::nullopt;
    }
};

FaultyLockStore::FaultyLockStore(std::shared_ptr<LockStore> inner) : _inner(std::move(inner)), _state(std::make_unique<State>()) {}

FaultyLockStore::~FaultyLockStore() = default;

void FaultyLockStore::fail(StoreVerb verb, Trouble trouble, When when, std::size_t calls)
{
    const std::lock_guard guard(_state->mutex);
    _state->faults[static_cast<std::size_t>(verb)] = {trouble, when, calls};
}

void FaultyLockStore::answerRenewals(RenewStatus status, std::size_t calls, std::string name)
{
    const std::lock_guard guard(_state->mutex);
    _state->renewals = {status, std::move(name), calls};
}

void FaultyLockStore::clear(StoreVerb verb)
{
    const std::lock_guard guard(_state->mutex);
    _state->faults[static_cast<std::size_t>(verb)] = {};
    if (verb == StoreVerb::renew)
        _state->renewals = {};
}

void FaultyLockStore::clear()
{
    const std::lock_guard guard(_state->mutex);
    _state->faults = {};
    _state->renewals = {};
}

std::size_t FaultyLockStore::calls(StoreVerb verb) const
{
    const std::lock_guard guard(_state->mutex);
    return _state->calls[static_cast<std::size_t>(verb)];
}

template <typename Call>
auto FaultyLockStore::call(StoreVerb verb, Call inner)
{
    const auto fault = _state->begin(verb);
    if (fault && fault->when == When::before)
        raise(*fault);
    if constexpr (std::is_void_v<decltype(inner())>)
    {
        inner();
        if (fault)
            raise(*fault);
    }
    else
    {
        auto answer = inner();
        if (fault)
            raise(*fault);
        return answer;
    }
}

StoreInfo FaultyLockStore::info() const
{
    return _inner->info();
}

void FaultyLockStore::prepare(const CallContext& context)
{
    call(StoreVerb::prepare, [&] { _inner->prepare(context); });
}

AcquireReply FaultyLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    return call(StoreVerb::acquire, [&] { return _inner->acquire(request, context); });
}

std::vector<RenewReply> FaultyLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    return call(StoreVerb::renew, [&] { return renewOrAnswer(requests, context); });
}

std::vector<RenewReply> FaultyLockStore::renewOrAnswer(std::span<const RenewRequest> requests, const CallContext& context)
{
    std::optional<RenewalAnswer> answer;
    {
        const std::lock_guard guard(_state->mutex);
        if (take(_state->renewals.calls))
            answer = _state->renewals;
    }
    if (!answer)
        return _inner->renew(requests, context);

    std::vector<RenewReply> replies(requests.size());
    std::vector<RenewRequest> passed;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < requests.size(); ++i)
    {
        if (answer->name.empty() || answer->name == requests[i].lease.name)
        {
            const bool renewed = answer->status == RenewStatus::renewed;
            const bool trouble = answer->status == RenewStatus::unavailable || answer->status == RenewStatus::failed;
            replies[i] = {answer->status, renewed ? requests[i].ttl : Milliseconds{0},
                          trouble ? "a FaultyLockStore was told to answer so" : ""};
            continue;
        }
        passed.push_back(requests[i]);
        places.push_back(i);
    }
    if (passed.empty())
        return replies;
    auto answered = _inner->renew(passed, context);
    if (answered.size() != passed.size())
        throw std::logic_error("the store inside a FaultyLockStore answered another number of renewals than were asked for");
    for (std::size_t i = 0; i < places.size(); ++i)
        replies[places[i]] = std::move(answered[i]);
    return replies;
}

ReleaseReply FaultyLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    return call(StoreVerb::release, [&] { return _inner->release(lease, context); });
}

std::optional<LockRecord> FaultyLockStore::find(const std::string& name, const CallContext& context)
{
    return call(StoreVerb::find, [&] { return _inner->find(name, context); });
}

std::vector<LockRecord> FaultyLockStore::list(const ListQuery& query, const CallContext& context)
{
    return call(StoreVerb::list, [&] { return _inner->list(query, context); });
}

bool FaultyLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    return call(StoreVerb::breakLock, [&] { return _inner->breakLock(name, expected, mode, context); });
}

std::size_t FaultyLockStore::prune(Milliseconds retention, const CallContext& context)
{
    return call(StoreVerb::prune, [&] { return _inner->prune(retention, context); });
}

std::unique_ptr<ReleaseFeed> FaultyLockStore::releaseFeed(ReleaseSink& sink)
{
    return _inner->releaseFeed(sink);
}

} // namespace Leasehold
