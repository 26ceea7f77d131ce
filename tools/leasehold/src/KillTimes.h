#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/LeasePolicy.h"

#include <optional>

namespace Leasehold::Tool
{

/// When the processes under a lease are told to end, and when they are made to.
struct KillTimes
{
    /// KILL is sent so long before the lease ends, for the kernel to have done it by then.
    static constexpr Milliseconds lead{20};

    Clock::duration beforeTheEnd{}; ///< TERM is sent so long before it

    /// ttl/6 unless `killAfter` says otherwise, and never so early that a renewal that is slow, or fails once, stops the command.
    /// Throws UsageError if `killAfter` asks for that.
    static KillTimes of(const LeasePolicy& lease, std::optional<Milliseconds> killAfter);

    LocalTime terminateAt(LocalTime validUntil) const { return validUntil - beforeTheEnd; }
    LocalTime killAt(LocalTime validUntil) const;
};

} // namespace Leasehold::Tool
