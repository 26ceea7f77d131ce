#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"

#include <memory>
#include <stop_token>
#include <string>

namespace Leasehold
{

class Lease; // private to the framework

/// A lock that this process was granted, until it is released, lost or destroyed.
///
/// It stays a valid object when it is lost, and when its service is gone (then it is lost). Not re-entrant: the same
/// process asking again for the same name is told that it is held. All const members may be called from any thread.
/// In a forked child every call throws LockException and the destructor does nothing: the lock is the parent's.
class [[nodiscard]] Lock
{
public:
    Lock(Lock&&) noexcept;
    Lock& operator=(Lock&&) noexcept; ///< releases what it held, as the destructor does
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    /// Releases the lock if it is still held. Never throws; what it could not do is told to the observers (the log).
    ~Lock();

    const std::string& name() const;

    /// The number of this grant: greater than that of every grant of this name before it. Hand it to the guarded resource.
    /// While threads of this process hand one lease on among themselves, `find` tells the greatest of theirs.
    Fence fence() const;

    /// How long the lock is surely still held by the local clock; 0 when it is not.
    Milliseconds remaining() const;

    /// Whether the lock is surely still held. Compares the local clock with the end of the lease each time, so it is right
    /// also just after the process was stopped and continued.
    bool isHeld() const;

    /// Throws LockLostError unless the lock is surely held for `atLeast` more. Call it before each step that needs the lock.
    void requireHeld(Milliseconds atLeast = Milliseconds{0}) const;

    /// Is asked to stop when the lock is lost, before anybody else can hold it. Callbacks on it run on a thread that all
    /// locks share: they must be short and must not throw. It is not asked to stop by a release.
    std::stop_token lossToken() const;

    /// Gives the lock back. Throws LockLostError if it had been lost, LockStoreUnavailable if the storage could not be told
    /// (the lease then ends by itself). A second call does nothing.
    void release();

private:
    friend class LeaseService;
    explicit Lock(std::shared_ptr<Lease> lease) noexcept;

    std::shared_ptr<Lease> _lease; // empty: moved from
};

} // namespace Leasehold
