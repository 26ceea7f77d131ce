#include "Leasehold/FenceGuard.h"

#include "Leasehold/Exceptions.h"

#include <string>

namespace Leasehold
{
namespace
{

void requireFence(Fence fence)
{
    if (fence == 0 || fence > maxFence)
        throw InvalidLockRequest("a fence of " + std::to_string(fence) + " is no grant's; allowed is 1 to " + std::to_string(maxFence) +
                                 ": pass Lock::fence()");
}

void requireFresh(Fence fence, Fence highest)
{
    if (fence < highest)
        throw StaleFenceError("the guarded resource has seen fence " + std::to_string(highest) + " and refuses the older " +
                              std::to_string(fence) + ": another has held the lock since; take the lock again and start over");
}

} // namespace

void FenceGuard::enter(Fence fence)
{
    requireFence(fence);
    transact(
        [fence](Fence highest)
        {
            requireFresh(fence, highest);
            return fence;
        });
}

void FenceGuard::write(Fence fence, const std::function<void()>& change)
{
    requireFence(fence);
    transact(
        [fence, &change](Fence highest)
        {
            requireFresh(fence, highest);
            change();
            return fence;
        });
}

} // namespace Leasehold
