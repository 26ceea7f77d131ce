#pragma once

#include "Leasehold/Exceptions.h"
#include "Leasehold/Export.h"
#include "Leasehold/Fence.h"
#include "Leasehold/LockRecord.h"

#include <chrono>
#include <string>
#include <string_view>

namespace Leasehold
{

/// What a LockManagerService reports of its work. Each member does nothing by default.
///
/// The service calls acquired, held, waited, storeUnavailable, released, releaseFailed and storeOpened on the caller's thread. It
/// calls renewed, renewalFailed, lost, pruneFailed, feedDeaf, and releaseFailed of a lock that was lost before, on its notifier
/// thread, after the loss tokens. Members may be called from several threads at once and must return quickly. An exception of an observer
/// is counted and dropped.
class LEASEHOLD_EXPORT LockObserver
{
public:
    /// A measured time.
    using Elapsed = std::chrono::nanoseconds;

    virtual ~LockObserver() = default;

    /// Called before the first operation on a store. `warning` is empty, or tells users of this store what they should know.
    virtual void storeOpened(const std::string& type, const std::string& location, const std::string& warning);
    /// A lock was granted; `took` includes the wait.
    virtual void acquired(const std::string& name, Fence fence, Elapsed took);
    /// An attempt ended because another holds the lock; its wait is over.
    virtual void held(const std::string& name, const LockRecord& holder);
    /// Another holds the lock, and the wait for it goes on; `soFar`: the time of the wait.
    virtual void waited(const std::string& name, const LockRecord& holder, Elapsed soFar);
    /// The store could not be asked, and the wait goes on; `soFar`: since when this wait has found it unavailable.
    virtual void storeUnavailable(const std::string& name, const std::string& why, Elapsed soFar);
    /// A lease was extended.
    virtual void renewed(const std::string& name, Fence fence, Elapsed took);
    /// A lease could not be extended; the service tries again while the lease lasts.
    virtual void renewalFailed(const std::string& name, Fence fence, const std::string& why, Milliseconds leftOfTheLease);
    /// A lock was lost; its loss token has been asked to stop.
    virtual void lost(const std::string& name, Fence fence, LossReason reason);
    /// A lock was given back.
    virtual void released(const std::string& name, Fence fence, Elapsed heldFor);
    /// The storage could not be told of a release; the lease expires.
    virtual void releaseFailed(const std::string& name, Fence fence, const std::string& why);
    /// A stop callback or an observer took longer than it may, or threw.
    virtual void callbackMisbehaved(const std::string& what);
    /// Housekeeping: pruning failed. Nothing depends on it.
    virtual void pruneFailed(const std::string& why);
    /// The store does not hear of releases any more (see ReleaseFeed): waiters poll until it does.
    virtual void feedDeaf(const std::string& why);
};

} // namespace Leasehold
