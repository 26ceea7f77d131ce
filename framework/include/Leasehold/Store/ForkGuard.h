#pragma once

#include "Leasehold/Exceptions.h"
#include "Leasehold/Export.h"

#include <memory>
#include <string>
#include <string_view>

namespace Leasehold
{

/// Remembers the process in which an object was made, so that a forked child does not use the object.
///
/// A child has copies of the parent's objects, but not its threads and not the right to its leases. It shares the parent's connections: two
/// processes on one connection read each other's answers. A store with a connection, a thread or a mutex has a guard as a member, calls
/// requireNative first in each verb, and passes objects that a child must not destroy to keepForever. The guard notices fork(2), but not
/// a bare clone(2).
class LEASEHOLD_EXPORT ForkGuard
{
public:
    /// Throws LockException if the system has no memory for a fork handler.
    ForkGuard();

    /// True in a forked child of the process that made the guard. Costs one load. May be called from any thread.
    bool isForeign() const noexcept;

    /// Throws an Error, which is LockException or derived from it, if isForeign. `what` names the object: "sqlite store /srv/locks.db".
    template <typename Error = LockStoreError>
    void requireNative(std::string_view what) const
    {
        if (isForeign())
            throw Error(refusal(what));
    }

    /// Keeps an object that must not be destroyed in a forked child: its threads do not exist there, its mutexes may be locked.
    static void keepForever(std::shared_ptr<void> foreign);

private:
    static std::string refusal(std::string_view what);

    unsigned _generation;
};

} // namespace Leasehold
