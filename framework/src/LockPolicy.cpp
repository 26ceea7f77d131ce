#include "Leasehold/LockPolicy.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LockStore.h"

#include <string>

namespace Leasehold
{
namespace
{

[[noreturn]] void refuse(const std::string& name, const std::string& value, const std::string& allowed)
{
    throw LockConfigurationError("leasehold.policy." + name + " = " + value + " cannot work; allowed is " + allowed);
}

void requireBackoff(const std::string& policy, const std::shared_ptr<const Backoff>& backoff)
{
    if (!backoff)
        refuse(policy + ".backoff.type", "(none)", "a backoff: set the policy's `backoff` to one");
}

} // namespace

void WaitPolicy::validate() const
{
    if (limit < Milliseconds{0})
        refuse("wait.limit", formatDuration(limit), "0 (try once) or more, or forever");
    requireBackoff("wait", backoff);
}

void RetryPolicy::validate() const
{
    if (maxAttempts < 0)
        refuse("retry.max_attempts", std::to_string(maxAttempts), "1 or more, or 0: as many as the call's time allows");
    requireBackoff("retry", backoff);
}

void RetentionPolicy::validate() const
{
    if (retention < minRetention || retention > maxRetention)
        refuse("retention.keep_for", formatDuration(retention),
               formatDuration(minRetention) + " to " + formatDuration(maxRetention) +
                   "; to forget nothing, set retention.prune_every = forever");
    if (pruneEvery <= Milliseconds{0})
        refuse("retention.prune_every", formatDuration(pruneEvery), "1ms or more, or forever");
}

void LockPolicy::validate() const
{
    lease.validate();
    wait.validate();
    retry.validate();
    token.validate();
    retention.validate();
}

void LockPolicy::validateFor(const StoreInfo& store) const
{
    const auto forStore = ", for the " + store.type + " store " + store.location;
    const auto ttl = lease.ttl;
    const auto ttlText = formatDuration(ttl);
    if (ttl < store.minTtl)
        refuse("lease.ttl", ttlText, formatDuration(store.minTtl) + " or more" + forStore);
    if (store.maxTtl > Milliseconds{0} && ttl > store.maxTtl)
        refuse("lease.ttl", ttlText, formatDuration(store.maxTtl) + " or less" + forStore);
    if (store.ttlGranularity > Milliseconds{0} && ttl % store.ttlGranularity != Milliseconds{0})
        refuse("lease.ttl", ttlText, "a multiple of " + formatDuration(store.ttlGranularity) + forStore);

    const auto margin = lease.effectiveSafetyMargin();
    if (margin < store.clockUncertainty)
        refuse("lease.safety_margin", formatDuration(margin) + (lease.safetyMargin ? "" : " (a tenth of the ttl)"),
               formatDuration(store.clockUncertainty) + " or more, by so much its clocks may differ" + forStore);
}

} // namespace Leasehold
