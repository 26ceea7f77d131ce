#pragma once

#include "Descriptor.h"
#include "HeldLocks.h"

#include "Leasehold/Fence.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace Leasehold::Tool
{

/// The command to run under the lock.
struct CommandToRun
{
    std::string lockName{};
    std::vector<std::string> words{}; ///< the program and its arguments; at least one
    std::string store{};              ///< its type
    std::string location{};           ///< of the store
    HeldLocks callers{};              ///< the locks of the runs above this one
};

/// The command as a process that is about to execute it, or why it could not be forked.
struct StartedCommand
{
    pid_t pid = -1;
    int error = 0;        ///< errno of fork; 0: there is a process
    Descriptor outcome{}; ///< becomes readable when exec has succeeded or failed: see outcomeOfExec
};

/// Forks a process that executes the command: in a process group of its own, in the terminal's foreground if `getsTerminal`, with
/// LEASEHOLD_LOCK, LEASEHOLD_FENCE and LEASEHOLD_HELD in its environment and no signal blocked. Standard input, output and error and every
/// other inheritable descriptor stay as they are. The command dies with the thread that calls this. Only for a process that has one thread.
/// Does not wait for exec, which hangs while the command's file is on a file system that hangs.
StartedCommand startCommand(const CommandToRun& command, Fence fence, bool getsTerminal);

/// The errno of exec, after which that process ends; 0: it has succeeded, or the process was killed before. Waits until one is known.
int outcomeOfExec(const Descriptor& outcome);

} // namespace Leasehold::Tool
