#include "Leasehold/Store/VanishedStorageGuard.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>

namespace Leasehold
{

void VanishedStorageGuard::noteTtl(Milliseconds ttl)
{
    if (ttl <= _longestTtl.load(std::memory_order_relaxed)) // nearly always: without the mutex
        return;
    const std::lock_guard lock(_mutex);
    _longestTtl = std::max(_longestTtl.load(), ttl);
}

void VanishedStorageGuard::found(const std::string& identity, LocalTime now)
{
    const std::lock_guard lock(_mutex);
    _found = true;
    if (identity.empty() || identity == _identity)
        return;
    if (!_identity.empty())
        _vanishedAt = std::max(_vanishedAt, std::optional(now));
    _identity = identity;
}

void VanishedStorageGuard::missing(LocalTime now)
{
    const std::lock_guard lock(_mutex);
    if (!_found)
        return;
    leave();
    _vanishedAt = std::max(_vanishedAt, std::optional(now));
}

void VanishedStorageGuard::carriedOver()
{
    const std::lock_guard lock(_mutex);
    leave();
}

std::string VanishedStorageGuard::identity() const
{
    const std::lock_guard lock(_mutex);
    return _identity;
}

Milliseconds VanishedStorageGuard::longestTtl() const
{
    return _longestTtl;
}

Milliseconds VanishedStorageGuard::refusesFor(LocalTime now) const
{
    const std::lock_guard lock(_mutex);
    if (!_vanishedAt)
        return Milliseconds{0};
    return std::max(std::chrono::ceil<Milliseconds>(later(*_vanishedAt, longestTtl()) - now), Milliseconds{0});
}

void VanishedStorageGuard::requireGrantsAllowed(const std::string& store, LocalTime now) const
{
    if (const auto left = refusesFor(now); left > Milliseconds{0})
        throw LockStoreUnavailable(store +
                                   ": the storage vanished or was replaced while it was in use; its leases are lost, but their holders may "
                                   "not know it yet, so nothing is granted for another " +
                                   formatDuration(left));
}

void VanishedStorageGuard::leave()
{
    _found = false;
    _identity.clear();
}

} // namespace Leasehold
