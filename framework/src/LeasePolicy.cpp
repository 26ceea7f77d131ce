#include "Leasehold/LockPolicy.h"

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

/// It also prevents overflow of the sums below.
void requireWithin(const std::string& name, const std::optional<Milliseconds>& value, Milliseconds minimum, Milliseconds ttl)
{
    if (value && (*value < minimum || *value >= ttl))
        refuse(name, *value, formatDuration(minimum) + " or more, and less than the ttl, " + formatDuration(ttl));
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
    return callTimeout.value_or(std::min(longestDefaultCall, (ttl - effectiveSafetyMargin() - lossLead - effectiveRenewAfter()) / 2));
}

LocalTime LeasePolicy::validUntil(LocalTime requested, Milliseconds remaining) const
{
    return later(requested, std::clamp(remaining, Milliseconds{0}, ttl) - effectiveSafetyMargin());
}

LocalTime LeasePolicy::nextRenewal(LocalTime requested) const
{
    return later(requested, effectiveRenewAfter());
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

    const auto lostAfter = ttl - effectiveSafetyMargin() - lossLead;
    const auto call = effectiveCallTimeout();
    if (call >= Milliseconds{1} && effectiveRenewAfter() + 2 * call <= lostAfter)
        return;
    const auto arithmetic =
        "two complete renewal attempts must fit before the lock is lost: renew_after (" + formatDuration(effectiveRenewAfter()) +
        ") + 2 * call_timeout (" + (callTimeout ? formatDuration(call) : "at least 1ms") + ") must not exceed ttl - safety_margin - " +
        formatDuration(lossLead) + " to tell the holder (" + formatDuration(ttl) + " - " + formatDuration(effectiveSafetyMargin()) + " - " +
        formatDuration(lossLead) + " = " + formatDuration(lostAfter) + ")";
    if (callTimeout)
        refuse("call_timeout", *callTimeout, "less: " + arithmetic);
    if (renewAfter)
        refuse("renew_after", *renewAfter, "less: " + arithmetic);
    if (safetyMargin)
        refuse("safety_margin", *safetyMargin, "less: " + arithmetic);
    refuse("ttl", ttl, "more: " + arithmetic);
}

} // namespace Leasehold
