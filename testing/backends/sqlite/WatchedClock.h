#pragma once

#include "Leasehold/ManualClock.h"
#include "Leasehold/waitUntil.h"

#include <atomic>

namespace Leasehold
{

/// Tells whether the call that it is for waits in the store's queue: such a call looks at the time once before it queues, and
/// again when it has.
class WatchedClock final : public ManualClock
{
public:
    time_point now() const noexcept override
    {
        ++_looks;
        return ManualClock::now();
    }

    [[nodiscard]] bool waitUntilQueued() const { return hasBeenLookedAt(2); }
    /// For the call that leads: it looks again and again while another process holds the file.
    [[nodiscard]] bool waitUntilBusy() const { return hasBeenLookedAt(10); }

private:
    bool hasBeenLookedAt(int times) const
    {
        return waitUntil([&] { return _looks >= times; });
    }

    mutable std::atomic<int> _looks{0};
};

} // namespace Leasehold
