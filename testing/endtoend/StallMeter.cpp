#include "StallMeter.h"

#include "Leasehold/TimeSource.h"

#include <algorithm>

#include <pthread.h>
#include <sched.h>

namespace Leasehold
{

StallMeter::StallMeter() : _overruns(std::max(1U, std::thread::hardware_concurrency()))
{
    for (std::size_t processor = 0; processor < _overruns.size(); ++processor)
        _threads.emplace_back([this, processor](const std::stop_token& stopping) { run(stopping, processor, _overruns[processor]); });
}

void StallMeter::stop()
{
    _threads.clear();
}

void StallMeter::run(const std::stop_token& stopping, std::size_t processor, std::vector<Overrun>& overruns)
{
    // One thread per processor, because one that waits on a processor says nothing about the others. If this processor is not allowed, the
    // thread runs on any.
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(processor, &only);
    ::pthread_setaffinity_np(::pthread_self(), sizeof only, &only);
    const auto waiter = TimeSource::system()->makeWaiter();
    while (!stopping.stop_requested())
    {
        const auto due = hostTime() + 2'000'000;
        waiter->waitUntil(LocalTime{LocalClock::duration{due}});
        overruns.push_back({due, hostTime()});
    }
}

std::chrono::nanoseconds StallMeter::longest(HostTime from, HostTime to) const
{
    HostTime longest = 0;
    for (const auto& thread : _overruns)
    {
        for (const auto& overrun : thread)
        {
            if (overrun.woke >= from && overrun.due <= to)
                longest = std::max(longest, overrun.woke - overrun.due);
        }
    }
    return std::chrono::nanoseconds(longest);
}

} // namespace Leasehold
