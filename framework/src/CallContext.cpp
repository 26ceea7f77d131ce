#include "Leasehold/CallContext.h"

#include <algorithm>

namespace Leasehold
{

CallContext CallContext::within(Milliseconds limit, std::stop_token cancel)
{
    // The clock is one object for the process, so a reference to it stays good.
    const Clock& clock = *Clock::system();
    const auto now = clock.now();
    const bool endless = limit > std::chrono::floor<Milliseconds>(LocalTime::max() - now);
    return {clock, endless ? LocalTime::max() : now + limit, std::move(cancel)};
}

Milliseconds CallContext::timeLeft() const
{
    return timeLeft(*_clock, _clock->now());
}

Milliseconds CallContext::timeLeft(const Clock& clock, LocalTime now) const
{
    if (&clock != _clock)
        return timeLeft();
    return std::max(std::chrono::floor<Milliseconds>(_deadline - now), Milliseconds{0});
}

} // namespace Leasehold
