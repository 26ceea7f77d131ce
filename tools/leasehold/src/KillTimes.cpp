#include "KillTimes.h"

#include "UsageError.h"

#include <algorithm>
#include <string>

namespace Leasehold::Tool
{

KillTimes KillTimes::of(const LeasePolicy& lease, std::optional<Milliseconds> killAfter)
{
    const auto renewals = lease.ttl - lease.effectiveSafetyMargin() - lease.effectiveRenewAfter();
    const auto most = renewals / 2; // the policy has room for two attempts: the first must not be cut off
    if (killAfter && *killAfter > most)
        throw UsageError("--kill-after " + formatDuration(*killAfter) + " is too long for a lease of " + formatDuration(lease.ttl) +
                         ": the command would be stopped before a renewal could be tried; allowed are at most " + formatDuration(most) +
                         ", or a longer --ttl");
    return {killAfter.value_or(std::min(lease.ttl / 6, most))};
}

LocalTime KillTimes::killAt(LocalTime validUntil) const
{
    return validUntil - std::min<Clock::duration>(lead, beforeTheEnd);
}

} // namespace Leasehold::Tool
