#pragma once

#include "Leasehold/Store/LockStore.h"
#include "Leasehold/TimeSource.h"

#include <string>

namespace Leasehold
{

/// A lease that one holder of this process hands to the next without a call to the storage (lock cohorting).
///
/// The grant has reserved fences (AcquireRequest::reservedFences), so the next holder has its own fence. No later grant can have the
/// same fence, even if this process crashes.
struct LeaseHandoff
{
    LeaseRef ref{};  ///< as the storage knows it
    Fence fence = 0; ///< of the next holder
    std::string metadata{};
    Milliseconds ttl{};
    LocalTime storedUntil{};
    LocalTime turnBegan{}; ///< see WaitLines

    /// The lease counts from this time, as if it had been requested then.
    LocalTime requested() const { return storedUntil - ttl; }

    /// Whether this acquisition wants a lease with the same TTL and metadata.
    bool fits(const AcquireRequest& wish) const { return wish.ttl == ttl && wish.metadata == metadata && wish.fenceFloor < fence; }
};

} // namespace Leasehold
