#pragma once

#include "Leasehold/History.h"

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace Leasehold
{

/// How late this machine wakes a thread: on each processor a thread waits, by the clock and the waiter of the library, for every second
/// millisecond, and notes by how much each wait was overrun. A bound on time that is missed while the meter was as late says
/// nothing about the library; one that is missed while the meter was in time does. Runs from construction on.
class StallMeter
{
public:
    StallMeter();
    ~StallMeter() { stop(); }

    /// Ends the measurement.
    void stop();

    /// The longest overrun of a wait that touches the time between the two moments. After stop() only.
    std::chrono::nanoseconds longest(HostTime from, HostTime to) const;

private:
    struct Overrun
    {
        HostTime due = 0, woke = 0;
    };
    static void run(const std::stop_token& stopping, std::size_t processor, std::vector<Overrun>& overruns);

    std::vector<std::vector<Overrun>> _overruns; // of each thread
    std::vector<std::jthread> _threads;
};

} // namespace Leasehold
