#pragma once

#include "Leasehold/Exceptions.h"
#include "Leasehold/Fence.h"
#include "Leasehold/LockRecord.h"

#include <chrono>
#include <string>
#include <string_view>

namespace Leasehold
{

/// What a LockManagerService tells of its work. Each member does nothing by default.
///
/// acquired, held, waited, released, releaseFailed and storeOpened are called on the caller's thread; renewed, renewalFailed
/// and lost on the service's notifier thread, after the loss tokens. May be called from several threads at once. What an
/// observer throws is counted and dropped; it must return quickly.
class LockObserver
{
public:
    using Elapsed = std::chrono::nanoseconds;

    virtual ~LockObserver() = default;

    /// Before the first operation on a store; `warning` is empty or says what its users should know.
    virtual void storeOpened(const std::string& type, const std::string& location, const std::string& warning);
    virtual void acquired(const std::string& name, Fence fence, Elapsed took);
    /// The answer of one call that found the lock taken for good: the wait was over.
    virtual void held(const std::string& name, const LockRecord& holder);
    /// A wait for a taken lock goes on.
    virtual void waited(const std::string& name, const LockRecord& holder, Elapsed soFar);
    virtual void renewed(const std::string& name, Fence fence, Elapsed took);
    virtual void renewalFailed(const std::string& name, Fence fence, const std::string& why, Milliseconds leftOfTheLease);
    virtual void lost(const std::string& name, Fence fence, LossReason reason);
    virtual void released(const std::string& name, Fence fence, Elapsed heldFor);
    /// The storage could not be told; the lease ends by itself.
    virtual void releaseFailed(const std::string& name, Fence fence, const std::string& why);
    /// A stop callback or an observer took longer than it may, or threw.
    virtual void callbackMisbehaved(const std::string& what);
    /// Housekeeping: pruning failed. Nothing depends on it.
    virtual void pruneFailed(const std::string& why);
};

} // namespace Leasehold
