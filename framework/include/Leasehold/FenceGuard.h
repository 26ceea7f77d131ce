#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Fence.h"

#include <functional>

namespace Leasehold
{

/// Protects a resource from stale holders: the resource keeps the greatest fence beside its data and refuses smaller ones.
///
///     guard.enter(lock.fence());                        // before the holder's first read
///     auto value = read();
///     guard.write(lock.fence(), [&] { store(value + 1); });
///
/// Both calls are needed. A check at the write alone loses updates: a stale holder may write after the new holder has read and
/// before the resource has seen the newer fence. (Lock::isHeld cannot replace a fence: the process can be paused between the check
/// and the write.)
///
/// To guard a resource, derive from this and implement transact. Thread-safe if transact is.
///
/// A guarded file, samples/fenced_resource/FencedFile.cpp:
/// @include fenced_resource/FencedFile.cpp
class LEASEHOLD_EXPORT FenceGuard
{
public:
    virtual ~FenceGuard() = default;

    /// Records the fence in the resource. Throws StaleFenceError if the resource has seen a greater one.
    void enter(Fence fence);

    /// Runs `change` and records the fence, in one atomic step of the resource. Throws StaleFenceError, without running `change`,
    /// if the resource has seen a greater fence. An exception of `change` undoes the step and is passed on.
    void write(Fence fence, const std::function<void()>& change);

protected:
    /// Runs `step` in one atomic step of the resource, which excludes all other processes. `step` gets the greatest fence that is
    /// recorded (0: none) and returns the fence to record. If `step` throws, nothing may remain changed.
    virtual void transact(const std::function<Fence(Fence highest)>& step) = 0;
};

} // namespace Leasehold
