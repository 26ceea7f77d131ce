#pragma once

#include "Leasehold/TimeSource.h"

#include <algorithm>
#include <sys/timerfd.h>

namespace Leasehold::Tool
{

/// A timer descriptor that becomes readable at a point of the local clock, suspended time included: what LocalClock goes by.
inline int makeBootTimer() noexcept
{
    return ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}

/// max() disarms it.
inline void armBootTimer(int timer, LocalTime when) noexcept
{
    itimerspec setting{};
    if (when != LocalTime::max())
    {
        const auto nanoseconds = std::max<LocalClock::rep>(when.time_since_epoch().count(), 1); // zero would disarm it
        setting.it_value = {static_cast<time_t>(nanoseconds / 1'000'000'000), static_cast<long>(nanoseconds % 1'000'000'000)};
    }
    ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &setting, nullptr);
}

} // namespace Leasehold::Tool
