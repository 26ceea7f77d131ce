#include "Leasehold/Backoff.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <random>

namespace Leasehold
{
namespace
{

/// Only for spreading waiters, never for tokens: a forked child may draw the same numbers as its parent.
Milliseconds drawBetween(Milliseconds minimum, Milliseconds maximum)
{
    thread_local std::minstd_rand generator{std::random_device{}()};
    return Milliseconds{std::uniform_int_distribution<Milliseconds::rep>(minimum.count(), maximum.count())(generator)};
}

} // namespace

JitteredBackoff::JitteredBackoff(Milliseconds initial, Milliseconds maximum) : _initial(initial), _maximum(maximum)
{
    if (initial <= Milliseconds{0} || maximum < initial || maximum > longest)
        throw LockConfigurationError("a jittered backoff from " + formatDuration(initial) + " to " + formatDuration(maximum) +
                                     " cannot work; `initial` must be at least 1ms and `maximum` at least `initial` and at most " +
                                     formatDuration(longest));
}

Milliseconds JitteredBackoff::delay(int attempt, Milliseconds holderRemaining) const
{
    auto top = _initial;
    for (int i = 1; i < attempt && top < _maximum; ++i)
        top = top > _maximum / 2 ? _maximum : top * 2;
    const auto drawn = drawBetween(top - top / 2, top);
    if (holderRemaining <= Milliseconds{0} || drawn <= holderRemaining)
        return drawn;
    // The lease ends earlier, so the waiter asks soon after its end, at a random time within `initial`: all waiters at once would be too
    // many.
    return std::min(drawn, holderRemaining + drawBetween(Milliseconds{1}, _initial));
}

FixedBackoff::FixedBackoff(Milliseconds delay) : _delay(delay)
{
    if (delay < Milliseconds{0} || delay > longest)
        throw LockConfigurationError("a fixed backoff of " + formatDuration(delay) + " cannot work; allowed is 0 to " +
                                     formatDuration(longest));
}

Milliseconds FixedBackoff::delay(int, Milliseconds) const
{
    return _delay;
}

} // namespace Leasehold
