#pragma once

#include "Leasehold/History.h"

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace Leasehold
{

/// Measures how late this machine wakes threads. On each processor a thread waits for every second millisecond, by the library's clock and
/// waiter, and records how late each wait ends. A late loss counts against the library only if the meter was in time. Runs from
/// construction on.
class StallMeter
{
public:
    StallMeter();
    ~StallMeter() { stop(); }

    /// Ends the measurement.
    void stop();

    /// The longest delay of a wait that overlaps the time between the two moments. Only after stop().
    std::chrono::nanoseconds longest(HostTime from, HostTime to) const;

private:
    struct Overrun
    {
        HostTime due = 0, woke = 0;
    };
    static void run(const std::stop_token& stopping, std::size_t processor, std::vector<Overrun>& overruns);

    std::vector<std::vector<Overrun>> _overruns; // by thread
    std::vector<std::jthread> _threads;
};

} // namespace Leasehold
