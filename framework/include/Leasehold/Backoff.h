#pragma once

#include "Leasehold/Durations.h"

#include <memory>

namespace Leasehold
{

/// How long to wait before the next try: the replaceable part of WaitPolicy and RetryPolicy. Implementations must be
/// thread-safe and must keep no state of a wait; they may draw random numbers.
class Backoff
{
public:
    virtual ~Backoff() = default;

    /// `attempt` counts from 1: the tries made so far. `holderRemaining` is how long the holder's lease has left (0: not
    /// known, or there is no holder). The result must not be negative.
    virtual Milliseconds delay(int attempt, Milliseconds holderRemaining) const = 0;
};

/// Doubles from `first` to `most`, each delay drawn from its upper half so that waiters spread; never waits much longer
/// than the holder's lease lasts. Type "jittered" in a configuration.
class JitteredBackoff : public Backoff
{
public:
    JitteredBackoff(Milliseconds first, Milliseconds most);
    Milliseconds delay(int attempt, Milliseconds holderRemaining) const override;

private:
    Milliseconds _first, _most;
};

/// The same delay each time. Type "fixed" in a configuration.
class FixedBackoff : public Backoff
{
public:
    explicit FixedBackoff(Milliseconds delay);
    Milliseconds delay(int attempt, Milliseconds holderRemaining) const override;

private:
    Milliseconds _delay;
};

} // namespace Leasehold
