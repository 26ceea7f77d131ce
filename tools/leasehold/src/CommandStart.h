#pragma once

#include "Leasehold/Fence.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace Leasehold::Tool
{

/// What is to be run under the lock.
struct CommandToRun
{
    std::string lockName{};
    std::vector<std::string> words{}; ///< the program and its arguments; at least one
};

/// The command as a process, or why it could not be started.
struct StartedCommand
{
    pid_t pid = -1;
    int error = 0; ///< errno; 0: it runs
};

/// Forks and executes the command: in a process group of its own, in the terminal's foreground if `getsTerminal`, with
/// LEASEHOLD_LOCK and LEASEHOLD_FENCE in its environment and no signal blocked. Standard input, output and error and every other
/// inheritable descriptor stay as they are. The command dies with the thread that calls this. Only for a process that has one thread.
StartedCommand startCommand(const CommandToRun& command, Fence fence, bool getsTerminal);

} // namespace Leasehold::Tool
