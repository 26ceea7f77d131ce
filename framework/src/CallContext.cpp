#include "Leasehold/Store/CallContext.h"

#include <algorithm>

namespace Leasehold
{

CallContext CallContext::within(Milliseconds limit, std::stop_token cancel)
{
    // The process has one clock object, so the reference stays valid.
    const TimeSource& clock = *TimeSource::system();
    return {clock, later(clock.now(), limit), std::move(cancel)};
}

Milliseconds CallContext::timeLeft() const
{
    return timeLeft(*_clock, _clock->now());
}

Milliseconds CallContext::timeLeft(const TimeSource& clock, LocalTime now) const
{
    if (&clock != _clock)
        return timeLeft();
    return _deadline > now ? std::chrono::floor<Milliseconds>(_deadline - now) : Milliseconds{0};
}

CallContext CallContext::shortened(Milliseconds limit) const
{
    return {*_clock, std::min(_deadline, later(_clock->now(), limit)), _cancel};
}

} // namespace Leasehold
