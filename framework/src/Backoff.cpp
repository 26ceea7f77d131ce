#include "Leasehold/Backoff.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <random>

namespace Leasehold
{
namespace
{

/// For spreading waiters only, never for tokens: a forked child may repeat its parent's draws.
Milliseconds drawBetween(Milliseconds least, Milliseconds most)
{
    thread_local std::minstd_rand generator{std::random_device{}()};
    return Milliseconds{std::uniform_int_distribution<Milliseconds::rep>(least.count(), most.count())(generator)};
}

} // namespace

JitteredBackoff::JitteredBackoff(Milliseconds first, Milliseconds most) : _first(first), _most(most)
{
    if (first <= Milliseconds{0} || most < first)
        throw LockConfigurationError("a jittered backoff from " + formatDuration(first) + " to " + formatDuration(most) +
                                     " cannot work; `first` must be at least 1ms and `most` at least `first`");
}

Milliseconds JitteredBackoff::delay(int attempt, Milliseconds holderRemaining) const
{
    auto top = _first;
    for (int i = 1; i < attempt && top < _most; ++i)
        top = top > _most / 2 ? _most : top * 2;
    const auto drawn = drawBetween(top - top / 2, top);
    if (holderRemaining <= Milliseconds{0} || drawn <= holderRemaining)
        return drawn;
    // The lease ends before that: ask soon after its end, spread over `first` so that the waiters do not ask all at once.
    return std::min(drawn, holderRemaining + drawBetween(Milliseconds{1}, _first));
}

FixedBackoff::FixedBackoff(Milliseconds delay) : _delay(delay)
{
    if (delay < Milliseconds{0})
        throw LockConfigurationError("a fixed backoff of " + formatDuration(delay) + " cannot work; it must not be negative");
}

Milliseconds FixedBackoff::delay(int, Milliseconds) const
{
    return _delay;
}

} // namespace Leasehold
