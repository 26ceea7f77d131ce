#pragma once

#include "Leasehold/Fence.h"

#include <functional>

namespace Leasehold
{

/// Protects a resource from stale holders: it remembers the highest fence beside the data and refuses smaller ones.
///
///     guard.enter(lock.fence());                        // before the holder's first read
///     auto value = read();
///     guard.write(lock.fence(), [&] { store(value + 1); });
///
/// Both are needed. A holder that only checks when it writes loses updates: a stale holder may write after the new holder
/// has read and before the resource has seen the newer fence. (A lock's own `isHeld` is not a fence: the process can be
/// paused between the check and the write.)
///
/// A resource joins in by implementing transact. Thread-safe if transact is.
class FenceGuard
{
public:
    virtual ~FenceGuard() = default;

    /// Records the fence in the resource. Throws StaleFenceError if the resource has seen a greater one.
    void enter(Fence fence);

    /// Runs `change` and records the fence, in one atomic step of the resource. Throws StaleFenceError, without running
    /// `change`, if the resource has seen a greater fence. What `change` throws undoes the step and is passed on.
    void write(Fence fence, const std::function<void()>& change);

protected:
    /// Runs `step` in one atomic step of the resource, alone among all processes. `step` gets the highest fence that is
    /// recorded (0: none) and returns the one to record; if it throws, nothing may remain changed.
    virtual void transact(const std::function<Fence(Fence highest)>& step) = 0;
};

} // namespace Leasehold
