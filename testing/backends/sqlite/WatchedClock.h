#pragma once

#include "Leasehold/ManualClock.h"
#include "Leasehold/waitUntil.h"

#include <atomic>

namespace Leasehold
{

/// Shows whether its call waits in the store's queue: such a call reads the clock once before it queues, and again afterwards.
class WatchedClock final : public ManualClock
{
public:
    time_point now() const noexcept override
    {
        ++_looks;
        return ManualClock::now();
    }

    [[nodiscard]] bool waitUntilQueued() const { return hasBeenLookedAt(2); }
    /// For a call that leads: it reads the clock repeatedly while another process holds the file.
    [[nodiscard]] bool waitUntilBusy() const { return hasBeenLookedAt(10); }

private:
    bool hasBeenLookedAt(int times) const
    {
        return waitUntil([&] { return _looks >= times; });
    }

    mutable std::atomic<int> _looks{0};
};

} // namespace Leasehold
