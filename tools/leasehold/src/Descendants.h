#pragma once

#include <cstdint>
#include <sys/types.h>
#include <vector>

namespace Leasehold::Tool
{

/// A process as it was seen in /proc. The start time tells it from another that gets the same number later.
struct ProcessSeen
{
    pid_t pid = 0;
    pid_t parent = 0;
    std::uint64_t startTime = 0; ///< in clock ticks since boot
};

/// Whether /proc tells of this process, so that its descendants can be found at all.
bool canSeeProcesses();

/// All living and dead processes that descend from `ancestor`, which must be a child subreaper for those whose parents have ended,
/// and those that began sessions of their own, to be among them. Parents come before their children.
std::vector<ProcessSeen> descendantsOf(pid_t ancestor);

/// Sends the signal to exactly that process: never to another that got its number meanwhile. False: it may not be signalled
/// (it runs as another user).
bool signalProcess(const ProcessSeen& process, int number);

} // namespace Leasehold::Tool
