#pragma once

#include "Gateway.h"

#include "Leasehold/TimeSource.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace Leasehold::Etcd
{

/// Leases of etcd on which the keys of live locks hang. A lease lasts a second longer than the TTL, so that all grants and renewals of one
/// TTL share it for a second: one lease a second, however many locks. It is never extended and never revoked; it ends by itself.
/// Thread-safe.
class LeasePool
{
public:
    explicit LeasePool(Gateway& gateway) : _gateway(gateway) {}

    /// A lease that lasts for `ttl` from now, for that many keys. Throws LockStoreUnavailable or LockStoreError; then no key was changed.
    std::int64_t lease(Milliseconds ttl, std::size_t keys, const CallContext& context);
    /// etcd does not know this lease any more.
    void forget(std::int64_t lease);

    /// How long the lease lasts at least, in whole seconds; nullopt: it has ended.
    std::optional<Milliseconds> timeLeft(std::int64_t lease, const std::string& what, const CallContext& context);

private:
    struct Shared
    {
        std::int64_t id = 0;
        LocalTime endsAt{}; // at the earliest: counted from before the request
        std::size_t keys = 0;
    };

    Shared make(Milliseconds ttl, const CallContext& context);

    Gateway& _gateway;
    std::mutex _mutex; // guards the leases
    std::map<Milliseconds, Shared> _leases;
};

} // namespace Leasehold::Etcd
