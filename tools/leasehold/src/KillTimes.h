#pragma once

#include "Leasehold/LockPolicy.h"
#include "Leasehold/TimeSource.h"

#include <optional>

namespace Leasehold::Tool
{

/// When the processes under a lease get TERM, and when they get KILL.
struct KillTimes
{
    /// KILL is sent this long before the lease ends, so that the kernel has ended the processes by then.
    static constexpr Milliseconds lead{20};

    LocalClock::duration beforeTheEnd{}; ///< TERM is sent this long before it

    /// Default: a sixth of the TTL, or of maxHold if that is shorter. TERM never comes so early that a renewal that is slow, or fails once,
    /// stops the command. Throws UsageError if `killAfter` is too long for that.
    static KillTimes of(const LeasePolicy& lease, std::optional<Milliseconds> killAfter);

    LocalTime terminateAt(LocalTime validUntil) const { return validUntil - beforeTheEnd; }
    LocalTime killAt(LocalTime validUntil) const;
};

} // namespace Leasehold::Tool
