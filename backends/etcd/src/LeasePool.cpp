#include "LeasePool.h"

#include "LockMemory.h"

#include "Leasehold/Exceptions.h"

#include <chrono>
#include <limits>
#include <random>

namespace Leasehold::Etcd
{

namespace
{

constexpr std::chrono::seconds shared{1};
// With authentication, etcd checks the rights on all keys of a lease whenever one is put on it.
constexpr std::size_t keysForUsers = 128;

} // namespace

std::int64_t LeasePool::lease(Milliseconds ttl, std::size_t keys, const CallContext& context)
{
    {
        const std::lock_guard lock(_mutex);
        const auto now = LocalClock::now();
        const auto found = _leases.find(ttl);
        if (found != _leases.end() && later(now, ttl) <= found->second.endsAt &&
            (!_gateway.hasUser() || found->second.keys + keys <= keysForUsers))
        {
            found->second.keys += keys;
            return found->second.id;
        }
        std::erase_if(_leases, [&](const auto& one) { return one.second.endsAt <= later(now, one.first); });
    }
    auto made = make(ttl, context);
    made.keys = keys;
    if (made.endsAt < later(LocalClock::now(), ttl))
        throw LockStoreUnavailable(_gateway.place() + ": the lease for it was granted too late");
    const std::lock_guard lock(_mutex);
    _leases[ttl] = made;
    return made.id;
}

void LeasePool::forget(std::int64_t lease)
{
    const std::lock_guard lock(_mutex);
    std::erase_if(_leases, [&](const auto& one) { return one.second.id == lease; });
}

LeasePool::Shared LeasePool::make(Milliseconds ttl, const CallContext& context)
{
    const std::string what = "make a lease";
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(ttl) + shared;
    for (int attempt = 0;; ++attempt)
    {
        const auto id = leaseId(ttl, std::random_device{}());
        const auto before = LocalClock::now();
        const auto reply = _gateway.post(
            "/v3/lease/grant", R"({"ID":")" + std::to_string(id) + R"(","TTL":")" + std::to_string(seconds.count()) + "\"}", what, context);
        // Another client has a lease with this id. That it happens three times cannot be chance.
        if (reply.verdict.meaning == Meaning::leaseExists && attempt < 3)
            continue;
        if (reply.verdict.meaning != Meaning::done)
            _gateway.refuse(reply, what);
        const auto lease = readLease(reply.body);
        if (!lease || lease->id != id || lease->ttl <= 0)
            _gateway.refuseNonsense(reply.node, what);
        // The servers' smallest TTL may be greater; theirs counts.
        return {id, later(before, Milliseconds(std::min(lease->ttl, std::numeric_limits<std::int64_t>::max() / 1000) * 1000)), 0};
    }
}

std::optional<Milliseconds> LeasePool::timeLeft(std::int64_t lease, const std::string& what, const CallContext& context)
{
    const auto reply = _gateway.post("/v3/lease/timetolive", R"({"ID":")" + std::to_string(lease) + "\"}", what, context);
    if (reply.verdict.meaning == Meaning::leaseMissing)
        return std::nullopt;
    if (reply.verdict.meaning != Meaning::done)
        _gateway.refuse(reply, what);
    const auto told = readLease(reply.body);
    if (!told || told->id != lease)
        _gateway.refuseNonsense(reply.node, what);
    if (told->ttl < 0)
        return std::nullopt;
    return Milliseconds(std::min(told->ttl, std::numeric_limits<std::int64_t>::max() / 1000) * 1000);
}

} // namespace Leasehold::Etcd
