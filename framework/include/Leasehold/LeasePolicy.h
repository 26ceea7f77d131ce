#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/Durations.h"

#include <optional>

namespace Leasehold
{

/// How long a lease lasts, when it is renewed, and when its holder stops believing in it. A value.
struct LeasePolicy
{
    static constexpr Milliseconds minTtl{100};
    static constexpr Milliseconds maxTtl = std::chrono::hours{24};

    Milliseconds ttl = std::chrono::seconds{30}; ///< 100 ms to 24 h
    std::optional<Milliseconds> renewAfter{};    ///< after the moment when the last extension was asked for; unset: ttl/3
    std::optional<Milliseconds> safetyMargin{};  ///< how long before the storage ends the lease its holder does; unset: ttl/10
    std::optional<Milliseconds> maxHold{};       ///< renewal stops and the lock is lost then; unset or `forever`: never
    std::optional<Milliseconds> callTimeout{};   ///< the total deadline of one call to the store; unset: see effectiveCallTimeout

    Milliseconds effectiveRenewAfter() const;
    Milliseconds effectiveSafetyMargin() const;
    /// `min(5 s, half of what lies between renewAfter and validUntil)`: two complete attempts fit.
    Milliseconds effectiveCallTimeout() const;

    /// Until when the holder may believe in a lease that it asked for at `requested` (the moment *before* the request was
    /// sent) and of which the storage granted `remaining`: `requested + min(ttl, remaining) - safetyMargin`.
    LocalTime validUntil(LocalTime requested, Milliseconds remaining) const;

    /// When to renew it.
    LocalTime nextRenewal(LocalTime requested) const;

    /// This policy for another ttl: what is unset follows the ttl, what is set stays.
    LeasePolicy forTTL(Milliseconds other) const;

    /// Throws LockConfigurationError, naming the key, the value and what is allowed, if the policy cannot work: the ttl is
    /// out of bounds, or two complete renewal attempts do not fit between renewAfter and validUntil.
    void validate() const;
};

} // namespace Leasehold
