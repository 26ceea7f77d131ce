#pragma once

#include <cstddef>

#include <sys/types.h>

namespace Leasehold::Bench
{

/// What a process uses now. Linux only.
struct ProcessUsage
{
    double cpuSeconds = 0; ///< of all of its threads since it began
    double residentMiB = 0;
    std::size_t threads = 0;
};

/// Throws std::runtime_error if there is no such process. 0: this one.
ProcessUsage usageOf(pid_t process = 0);

} // namespace Leasehold::Bench
