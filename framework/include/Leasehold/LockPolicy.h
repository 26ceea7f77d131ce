#pragma once

#include "Leasehold/Backoff.h"
#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/TimeSource.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace Leasehold
{

struct StoreInfo;

/// How long a lease lasts, when it is renewed, and when its holder stops relying on it. A value.
struct LEASEHOLD_EXPORT LeasePolicy
{
    static constexpr Milliseconds minTtl{100};                     ///< the smallest ttl; a store may demand more (StoreInfo::minTtl)
    static constexpr Milliseconds maxTtl = std::chrono::hours{24}; ///< the greatest ttl
    /// A lock whose lease cannot be renewed is lost this long before validUntil, so that its holder hears of it in time.
    static constexpr Milliseconds lossLead{20};

    Milliseconds ttl = std::chrono::seconds{30}; ///< how long the storage keeps the lock for a silent holder; 100 ms to 24 h
    std::optional<Milliseconds> renewAfter{};    ///< from the request of the last extension to the next renewal; unset: ttl/3
    /// How long before the storage ends the lease its holder stops relying on it. It must be at least the storage's
    /// clock skew (StoreInfo::clockUncertainty). Unset: ttl/10.
    std::optional<Milliseconds> safetyMargin{};
    std::optional<Milliseconds> maxHold{};     ///< after this time renewal stops and the lock is lost; unset or `forever`: never
    std::optional<Milliseconds> callTimeout{}; ///< the total deadline of one call to the store; unset: see effectiveCallTimeout

    /// `renewAfter`, or its default.
    Milliseconds effectiveRenewAfter() const;
    /// `safetyMargin`, or its default.
    Milliseconds effectiveSafetyMargin() const;
    /// `callTimeout`, or its default: half of the time between renewAfter and the loss, at most 5 s. Two complete attempts to renew
    /// fit.
    Milliseconds effectiveCallTimeout() const;

    /// Until when the holder may rely on a lease that it asked for at `requested`, the moment *before* the request was sent, and of
    /// which the storage granted `remaining`: `requested + min(ttl, remaining) - safetyMargin`.
    LocalTime validUntil(LocalTime requested, Milliseconds remaining) const;

    /// When to renew a lease that was asked for at `requested`.
    LocalTime nextRenewal(LocalTime requested) const;

    /// This policy for another ttl: unset fields follow the new ttl, set fields stay.
    LeasePolicy forTTL(Milliseconds other) const;

    /// Throws LockConfigurationError if the policy cannot work: the ttl is out of bounds, or two complete renewal attempts do not
    /// fit between renewAfter and the loss (`validUntil - lossLead`). The message names the key, the value and what is allowed.
    void validate() const;
};

/// How long and how often a caller tries for a lock that another holds.
struct LEASEHOLD_EXPORT WaitPolicy
{
    Milliseconds limit{0}; ///< 0: try once; `forever`: until the lock is granted or the wait is cancelled
    /// The delay between two tries.
    std::shared_ptr<const Backoff> backoff = std::make_shared<JitteredBackoff>(Milliseconds{50}, Milliseconds{1000});

    /// Throws LockConfigurationError naming the key, the value and what is allowed.
    void validate() const;
};

/// How a call to the store is tried again while the store is unavailable.
struct LEASEHOLD_EXPORT RetryPolicy
{
    /// How many times one call is tried; 0: as often as its time allows (LeasePolicy::callTimeout). Renewals ignore it: they are
    /// tried until the lease ends.
    int maxAttempts = 0;
    /// The delay between two attempts.
    std::shared_ptr<const Backoff> backoff = std::make_shared<JitteredBackoff>(Milliseconds{20}, Milliseconds{1000});

    /// Throws LockConfigurationError naming the key, the value and what is allowed.
    void validate() const;
};

/// How long the storage remembers the record of a free lock, and so its last fence. A value.
struct LEASEHOLD_EXPORT RetentionPolicy
{
    static constexpr Milliseconds minRetention = std::chrono::minutes{1};       ///< the smallest retention
    static constexpr Milliseconds maxRetention = std::chrono::hours{24 * 3650}; ///< the greatest retention

    /// Key `leasehold.policy.retention.keep_for`. It must exceed any step or skew of the storage's clock. 1 minute to 10 years.
    Milliseconds retention = std::chrono::hours{1};
    /// How often a service that has taken a lock prunes; `forever`: never. It prunes page after page until a page is not full. The
    /// keeper thread does so between renewals, and a renewal that comes due ends the call: no caller and no renewal waits.
    Milliseconds pruneEvery = std::chrono::minutes{5};

    /// Throws LockConfigurationError naming the key, the value and what is allowed.
    void validate() const;
};

/// Draws 128 bits from the operating system and writes them as 32 hexadecimal digits. Each call asks the operating system; there is
/// no buffer, so a forked child never repeats the tokens of its parent. Throws LockException if the system gives none. May be
/// called from any thread.
LEASEHOLD_EXPORT std::string drawToken();

/// Where owner tokens come from. Replaceable from code only, for tests: two holders with one token cannot be told apart.
struct LEASEHOLD_EXPORT TokenPolicy
{
    std::function<std::string()> draw = drawToken; ///< makes a new token; called from any thread

    /// Throws LockConfigurationError if `draw` is empty.
    void validate() const;
};

/// All decisions of a LockManagerService that are not the storage's. The service has no other rules of its own.
struct LEASEHOLD_EXPORT LockPolicy
{
    LeasePolicy lease{};         ///< keys `leasehold.policy.lease.*`
    WaitPolicy wait{};           ///< keys `leasehold.policy.wait.*`
    RetryPolicy retry{};         ///< keys `leasehold.policy.retry.*`
    TokenPolicy token{};         ///< no keys
    RetentionPolicy retention{}; ///< keys `leasehold.policy.retention.*`

    /// Throws LockConfigurationError naming the key, the value and what is allowed.
    void validate() const;

    /// Throws LockConfigurationError if a lease of this policy cannot work on such a store: its ttl is out of the store's bounds or
    /// finer than its granularity, or its safety margin is smaller than the store's clock uncertainty.
    void validateFor(const StoreInfo& store) const;
};

} // namespace Leasehold
