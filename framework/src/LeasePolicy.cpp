#include "Leasehold/LeasePolicy.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <string>

namespace Leasehold
{
namespace
{

constexpr Milliseconds longestDefaultCall{5000};

std::string keyOf(const std::string& name)
{
    return "leasehold.policy.lease." + name;
}

[[noreturn]] void refuse(const std::string& name, Milliseconds value, const std::string& allowed)
{
    throw LockConfigurationError(keyOf(name) + " = " + formatDuration(value) + " cannot work; allowed is " + allowed);
}

/// Also keeps the sums below from overflowing.
void requireWithin(const std::string& name, const std::optional<Milliseconds>& value, Milliseconds least, Milliseconds ttl)
{
    if (value && (*value < least || *value >= ttl))
        refuse(name, *value, formatDuration(least) + " or more, and less than the ttl, " + formatDuration(ttl));
}

} // namespace

Milliseconds LeasePolicy::effectiveRenewAfter() const
{
    return renewAfter.value_or(ttl / 3);
}

Milliseconds LeasePolicy::effectiveSafetyMargin() const
{
    return safetyMargin.value_or(ttl / 10);
}

Milliseconds LeasePolicy::effectiveCallTimeout() const
{
    return callTimeout.value_or(std::min(longestDefaultCall, (ttl - effectiveSafetyMargin() - effectiveRenewAfter()) / 2));
}

LocalTime LeasePolicy::validUntil(LocalTime requested, Milliseconds remaining) const
{
    return requested + std::min(ttl, remaining) - effectiveSafetyMargin();
}

LocalTime LeasePolicy::nextRenewal(LocalTime requested) const
{
    return requested + effectiveRenewAfter();
}

LeasePolicy LeasePolicy::forTTL(Milliseconds other) const
{
    auto policy = *this;
    policy.ttl = other;
    return policy;
}

void LeasePolicy::validate() const
{
    if (ttl < minTtl || ttl > maxTtl)
        refuse("ttl", ttl, formatDuration(minTtl) + " to " + formatDuration(maxTtl));
    if (maxHold && *maxHold <= Milliseconds{0})
        refuse("max_hold", *maxHold, "1ms or more, or forever");
    requireWithin("renew_after", renewAfter, Milliseconds{1}, ttl);
    requireWithin("safety_margin", safetyMargin, Milliseconds{0}, ttl);
    requireWithin("call_timeout", callTimeout, Milliseconds{1}, ttl);

    const auto believed = ttl - effectiveSafetyMargin();
    const auto call = effectiveCallTimeout();
    if (call >= Milliseconds{1} && effectiveRenewAfter() + 2 * call <= believed)
        return;
    const auto arithmetic = "two complete renewal attempts must fit before the lease's holder stops believing in it: renew_after (" +
                            formatDuration(effectiveRenewAfter()) + ") + 2 * call_timeout (" +
                            (callTimeout ? formatDuration(call) : "at least 1ms") + ") must not exceed ttl - safety_margin (" +
                            formatDuration(ttl) + " - " + formatDuration(effectiveSafetyMargin()) + " = " + formatDuration(believed) + ")";
    if (callTimeout)
        refuse("call_timeout", *callTimeout, "less: " + arithmetic);
    if (renewAfter)
        refuse("renew_after", *renewAfter, "less: " + arithmetic);
    if (safetyMargin)
        refuse("safety_margin", *safetyMargin, "less: " + arithmetic);
    refuse("ttl", ttl, "more: " + arithmetic);
}

} // namespace Leasehold
