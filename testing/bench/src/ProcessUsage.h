#pragma once

#include <cstddef>

#include <sys/types.h>

namespace Leasehold::Bench
{

/// The resources that a process uses now. Linux only.
struct ProcessUsage
{
    double cpuSeconds = 0; ///< of all its threads since its start
    double residentMiB = 0;
    std::size_t threads = 0;
};

/// Throws std::runtime_error if there is no such process. 0: this process.
ProcessUsage usageOf(pid_t process = 0);

/// The processor time of a process and its descendants since their start, of ended ones too, in seconds; the unit of the system's clock is
/// 10 ms. Throws std::runtime_error if there is no such process.
double cpuSecondsOfTree(pid_t root);

} // namespace Leasehold::Bench
