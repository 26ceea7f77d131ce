#pragma once

#include <cstdint>
#include <sys/types.h>
#include <vector>

namespace Leasehold::Tool
{

/// A process as /proc showed it. The start time distinguishes it from a later process with the same number.
struct ProcessSeen
{
    pid_t pid = 0;
    pid_t parent = 0;
    std::uint64_t startTime = 0; ///< in clock ticks since boot
};

/// Throws std::system_error, which says what to do, unless /proc shows this process. Without /proc its descendants cannot be found.
void requireVisibleProcesses();

/// All living and dead processes that descend from `ancestor`, which must be a child subreaper for those whose parents have ended,
/// and those that began sessions of their own, to be among them. Parents come before their children.
std::vector<ProcessSeen> descendantsOf(pid_t ancestor);

/// Sends the signal to exactly that process, never to another that got its number meanwhile. False: this process may not signal it
/// (it runs as another user).
bool signalProcess(const ProcessSeen& process, int number);

/// Sends the signal to the process group if a child of this process is in it: then its number cannot be another's.
void signalGroupOfChild(pid_t group, int number);

} // namespace Leasehold::Tool
