#include "StallMeter.h"

#include "Leasehold/Clock.h"

#include <algorithm>

namespace Leasehold
{

StallMeter::StallMeter() : _thread([this](const std::stop_token& stopping) { run(stopping); }) {}

void StallMeter::stop()
{
    _thread.request_stop();
    if (_thread.joinable())
        _thread.join();
}

void StallMeter::run(const std::stop_token& stopping)
{
    const auto waiter = Clock::system()->makeWaiter();
    while (!stopping.stop_requested())
    {
        const auto due = hostTime() + 2'000'000;
        waiter->waitUntil(LocalTime{Clock::duration{due}});
        _overruns.push_back({due, hostTime()});
    }
}

std::chrono::nanoseconds StallMeter::longest(HostTime from, HostTime to) const
{
    HostTime longest = 0;
    for (const auto& overrun : _overruns)
    {
        if (overrun.woke >= from && overrun.due <= to)
            longest = std::max(longest, overrun.woke - overrun.due);
    }
    return std::chrono::nanoseconds(longest);
}

} // namespace Leasehold
