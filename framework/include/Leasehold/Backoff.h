#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"

#include <memory>

namespace Leasehold
{

/// How long to wait before the next attempt: the replaceable part of WaitPolicy and RetryPolicy. Implementations must be
/// thread-safe and must keep no state of a wait; they may draw random numbers.
class LEASEHOLD_EXPORT Backoff
{
public:
    /// The longest delay of the built-in kinds. A longer delay is not capped: the next attempt then comes too late, or never.
    static constexpr Milliseconds longest = std::chrono::hours{24};

    virtual ~Backoff() = default;

    /// The time until the next attempt; must not be negative. `attempt` counts the attempts so far, from 1. `holderRemaining` is the
    /// remaining time of the holder's lease (0: unknown, or there is no holder).
    virtual Milliseconds delay(int attempt, Milliseconds holderRemaining) const = 0;
};

/// Doubles from `initial` to `maximum`. Each delay is drawn from its upper half, so that waiters spread, and is not much longer
/// than the rest of the holder's lease. Throws LockConfigurationError unless `1ms <= initial <= maximum <= longest`. Type
/// "jittered" in a configuration.
class LEASEHOLD_EXPORT JitteredBackoff : public Backoff
{
public:
    /// The first delay and the greatest one.
    JitteredBackoff(Milliseconds initial, Milliseconds maximum);
    Milliseconds delay(int attempt, Milliseconds holderRemaining) const override;

private:
    Milliseconds _initial, _maximum;
};

/// The same delay each time. Throws LockConfigurationError unless it lies between 0 and `longest`. Type "fixed" in a configuration.
class LEASEHOLD_EXPORT FixedBackoff : public Backoff
{
public:
    /// The delay before each attempt.
    explicit FixedBackoff(Milliseconds delay);
    Milliseconds delay(int attempt, Milliseconds holderRemaining) const override;

private:
    Milliseconds _delay;
};

} // namespace Leasehold
