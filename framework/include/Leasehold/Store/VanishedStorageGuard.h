#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/TimeSource.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold
{

/// Notices that a storage was emptied or replaced while a process used it, and then refuses grants for a time.
///
/// The leases in the vanished storage are lost, but their holders may not know it yet. So the store must grant nothing until the longest
/// known TTL has passed. It knows only the TTLs of its own process: note the TTL of each acquire and renewal, granted or not. A store whose
/// storage can keep this itself (Redis) reads identity and longestTtl and stores them there.
///
/// `now` is a time of a clock that counts suspend, always the same clock for one guard. An identity distinguishes a storage from another
/// one in its place: an index UUID, an inode, a cluster id; empty: unknown. Thread-safe.
class LEASEHOLD_EXPORT VanishedStorageGuard
{
public:
    /// Call it before requireGrantsAllowed, with the requested TTL.
    void noteTtl(Milliseconds ttl);

    /// The storage exists. If its identity differs from the last one, the last storage has vanished.
    void found(const std::string& identity, LocalTime now);

    /// The storage does not exist. If it was found before, it has vanished.
    void missing(LocalTime now);

    /// The store leaves the storage and copies its live leases to the next one, so no grants are refused because of them.
    void carriedOver();

    /// The identity of the storage that was found last; empty: none, or unknown.
    std::string identity() const;
    /// The longest TTL that was noted.
    Milliseconds longestTtl() const;

    /// How much longer grants are refused; 0: they are allowed.
    Milliseconds refusesFor(LocalTime now) const;

    /// Throws LockStoreUnavailable while grants are refused. `store` names it in the message: "sqlite store /srv/locks.db".
    void requireGrantsAllowed(const std::string& store, LocalTime now) const;

private:
    void leave();

    mutable std::mutex _mutex; // guards the members below
    bool _found = false;
    std::string _identity;
    std::atomic<Milliseconds> _longestTtl{}; // grows only
    std::optional<LocalTime> _vanishedAt;
};

} // namespace Leasehold
