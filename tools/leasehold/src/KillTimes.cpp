#include "KillTimes.h"

#include "UsageError.h"

#include <algorithm>
#include <string>

namespace Leasehold::Tool
{

KillTimes KillTimes::of(const LeasePolicy& lease, std::optional<Milliseconds> killAfter)
{
    const auto renewals = lease.ttl - lease.effectiveSafetyMargin() - lease.effectiveRenewAfter();
    const auto maximum = renewals / 2; // the policy has room for two attempts: TERM must not come before the second
    const auto longest = std::min(lease.maxHold.value_or(forever), lease.ttl);
    if (killAfter && *killAfter > longest / 2 && longest < lease.ttl)
        throw UsageError("--kill-after " + formatDuration(*killAfter) + " is too long for a lock that is held for " +
                         formatDuration(longest) + " at most: allowed is at most half of that, or a longer --max-hold");
    if (killAfter && *killAfter > maximum)
        throw UsageError("--kill-after " + formatDuration(*killAfter) + " is too long for a lease of " + formatDuration(lease.ttl) +
                         ": the command would be stopped before a renewal could be tried; allowed is at most " + formatDuration(maximum) +
                         ", or a longer --ttl");
    return {killAfter.value_or(std::min(longest / 6, maximum))};
}

LocalTime KillTimes::killAt(LocalTime validUntil) const
{
    return validUntil - std::min<LocalClock::duration>(lead, beforeTheEnd);
}

} // namespace Leasehold::Tool
