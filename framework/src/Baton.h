#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/LockStore.h"

#include <string>

namespace Leasehold
{

/// A lease between two holders of this process: the one that is done with it hands it on to the next thread in line, without a step
/// of the storage. The storage had set so many fences aside when it granted the lease (AcquireRequest::spareFences), so the next
/// holder has one of its own, which no later grant can have, whatever happens to this process.
struct Baton
{
    LeaseRef ref{};
    Fence fence = 0; ///< of the next holder
    std::string metadata{};
    Milliseconds ttl{};
    LocalTime storedUntil{};
    LocalTime turnBegan{}; ///< see WaitLines

    /// The lease counts as if it had been asked for then.
    LocalTime requested() const { return storedUntil - ttl; }

    /// Whether it is just what this acquisition would be granted.
    bool fits(const AcquireRequest& wish) const { return wish.ttl == ttl && wish.metadata == metadata && wish.fenceFloor < fence; }
};

} // namespace Leasehold
