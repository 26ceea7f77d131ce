#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/Fence.h"

#include <memory>
#include <stop_token>
#include <string>

namespace Leasehold
{

class Lease; // private to the framework

/// A lock that was granted to this process, until it is released, lost or destroyed.
///
/// A Lock stays a valid object when its lock is lost, and when its service is gone (then the lock is lost). It is not re-entrant: a
/// second request for the same name in the same process is told that the lock is held. Const members may be called from any thread.
/// In a forked child every call throws LockException and the destructor does nothing: the lock is the parent's.
class [[nodiscard]] LEASEHOLD_EXPORT Lock
{
public:
    /// Holds nothing, like a Lock that was moved from: it converts to false, and all members but assignment throw LockException.
    Lock() noexcept;
    /// `other` holds nothing afterwards.
    Lock(Lock&& other) noexcept;
    /// Releases the lock that this object held, as the destructor does.
    Lock& operator=(Lock&& other) noexcept;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    /// Releases the lock if it is still held. Never throws: a failure is told to the observers (the log).
    ~Lock();

    /// True while the lock is surely held, as isHeld says; false for an object that holds nothing.
    [[nodiscard]] explicit operator bool() const;

    /// The name of the lock.
    [[nodiscard]] const std::string& name() const;

    /// The fence of this grant: greater than the fence of every grant of this name before it. Hand it to the guarded resource.
    /// While threads of this process hand one lease on, each has a fence of its own: `find`, `list` and `breakLock` of this service take it
    /// for the lock's. Another process is shown the greatest fence reserved for them, and breaks by that one. This process notices such a
    /// break with the next renewal, or when the last of them releases the lease, half a second later at most; those between are not told.
    [[nodiscard]] Fence fence() const;

    /// How long the lock is surely still held by the local clock; 0 when it is not. Renewals prolong it.
    [[nodiscard]] Milliseconds remaining() const;

    /// Whether the lock is surely still held. Compares the local clock with the end of the lease each time, so it is right also
    /// just after the process was stopped and continued.
    [[nodiscard]] bool isHeld() const;

    /// Throws LockLostError unless the lock is surely held for `atLeast` more. Call it before each step that needs the lock.
    void requireHeld(Milliseconds atLeast = Milliseconds{0}) const;

    /// Is asked to stop when the lock is lost, before anybody else can hold it; a release does not stop it. Callbacks on it run on
    /// a thread that all locks share: they must be short and must not throw.
    [[nodiscard]] std::stop_token lossToken() const;

    /// Gives the lock back. Throws LockLostError if it was lost before, LockStoreUnavailable or LockStoreError if the storage
    /// could not be told (then the lease expires). A second call does nothing.
    void release();

private:
    friend class LeaseService;
    explicit Lock(std::shared_ptr<Lease> lease) noexcept;

    std::shared_ptr<Lease> _lease; // empty: it holds nothing
};

} // namespace Leasehold
