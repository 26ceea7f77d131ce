#include "Leasehold/GatedLockStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>

namespace Leasehold
{
namespace
{

/// One call that waits at a gate.
struct Visit
{
    TimeSource::Waiter* waiter = nullptr;
    bool mayGo = false;
};

struct Gate
{
    std::optional<GatedLockStore::Side> closed{};
    std::list<Visit> visits{}; // in the order of arrival
};

} // namespace

struct GatedLockStore::State
{
    std::mutex mutex;
    std::condition_variable arrived;
    std::array<Gate, storeVerbCount> gates{};

    Gate& gate(StoreVerb verb) { return gates[static_cast<std::size_t>(verb)]; }
};

GatedLockStore::GatedLockStore(std::shared_ptr<LockStore> inner, std::shared_ptr<const TimeSource> clock) :
    _inner(std::move(inner)), _clock(std::move(clock)), _state(std::make_unique<State>())
{
}

GatedLockStore::~GatedLockStore() = default;

void GatedLockStore::close(StoreVerb verb, Side side)
{
    const std::lock_guard guard(_state->mutex);
    _state->gate(verb).closed = side;
}

void GatedLockStore::open(StoreVerb verb)
{
    const std::lock_guard guard(_state->mutex);
    auto& gate = _state->gate(verb);
    gate.closed.reset();
    for (auto& visit : gate.visits)
    {
        visit.mayGo = true;
        visit.waiter->wake();
    }
}

bool GatedLockStore::letOneGo(StoreVerb verb)
{
    const std::lock_guard guard(_state->mutex);
    auto& visits = _state->gate(verb).visits;
    const auto first = std::ranges::find(visits, false, &Visit::mayGo);
    if (first == visits.end())
        return false;
    first->mayGo = true;
    first->waiter->wake();
    return true;
}

bool GatedLockStore::waitForArrival(StoreVerb verb, std::size_t calls, Milliseconds limit)
{
    std::unique_lock guard(_state->mutex);
    const auto stand = [&]
    {
        const auto& visits = _state->gate(verb).visits;
        return static_cast<std::size_t>(std::ranges::count(visits, false, &Visit::mayGo)) >= calls;
    };
    return _state->arrived.wait_for(guard, limit, stand);
}

void GatedLockStore::standAt(StoreVerb verb, Side side, const CallContext& context)
{
    {
        const std::lock_guard guard(_state->mutex);
        if (_state->gate(verb).closed != side)
            return;
    }
    const auto waiter = _clock->makeWaiter();
    const std::stop_callback onCancel(context.cancel(), [&waiter] { waiter->wake(); });

    std::unique_lock guard(_state->mutex);
    auto& gate = _state->gate(verb);
    if (gate.closed != side) // opened meanwhile
        return;
    const auto visit = gate.visits.insert(gate.visits.end(), Visit{waiter.get(), false});
    _state->arrived.notify_all();
    const auto mayWait = [&] { return context.timeLeft() > Milliseconds{0} && !context.cancel().stop_requested(); };
    while (!visit->mayGo && mayWait())
    {
        guard.unlock();
        waiter->waitUntil(_clock->now() + context.timeLeft());
        guard.lock();
    }
    const bool mayGo = visit->mayGo;
    gate.visits.erase(visit);
    if (!mayGo)
        throw LockStoreUnavailable("the call stood at the gate of a GatedLockStore until its deadline, or until it was cancelled");
}

template <typename Call>
auto GatedLockStore::through(StoreVerb verb, const CallContext& context, Call call)
{
    standAt(verb, Side::before, context);
    if constexpr (std::is_void_v<decltype(call())>)
    {
        call();
        standAt(verb, Side::after, context);
    }
    else
    {
        auto answer = call();
        standAt(verb, Side::after, context);
        return answer;
    }
}

StoreInfo GatedLockStore::info() const
{
    return _inner->info();
}

void GatedLockStore::prepare(const CallContext& context)
{
    through(StoreVerb::prepare, context, [&] { _inner->prepare(context); });
}

AcquireReply GatedLockStore::acquire(const AcquireRequest& request, const CallContext& context)
{
    return through(StoreVerb::acquire, context, [&] { return _inner->acquire(request, context); });
}

std::vector<RenewReply> GatedLockStore::renew(std::span<const RenewRequest> requests, const CallContext& context)
{
    return through(StoreVerb::renew, context, [&] { return _inner->renew(requests, context); });
}

ReleaseReply GatedLockStore::release(const LeaseRef& lease, const CallContext& context)
{
    return through(StoreVerb::release, context, [&] { return _inner->release(lease, context); });
}

std::optional<LockRecord> GatedLockStore::find(const std::string& name, const CallContext& context)
{
    return through(StoreVerb::find, context, [&] { return _inner->find(name, context); });
}

std::vector<LockRecord> GatedLockStore::list(const ListQuery& query, const CallContext& context)
{
    return through(StoreVerb::list, context, [&] { return _inner->list(query, context); });
}

bool GatedLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    return through(StoreVerb::breakLock, context, [&] { return _inner->breakLock(name, expected, mode, context); });
}

std::size_t GatedLockStore::prune(Milliseconds retention, const CallContext& context)
{
    return through(StoreVerb::prune, context, [&] { return _inner->prune(retention, context); });
}

std::unique_ptr<ReleaseFeed> GatedLockStore::releaseFeed(ReleaseSink& sink)
{
    return _inner->releaseFeed(sink);
}

} // namespace Leasehold
