#pragma once

#include "Leasehold/LockRecord.h"

#include <string>
#include <string_view>

namespace Leasehold::Tool
{

/// What `--status-fd N` writes: one JSON object a line for each event, because a command may end with the same status that the
/// program has for an event of its own. The reader may go away: then nothing more is written.
class StatusStream
{
public:
    /// -1: nobody listens. Throws UsageError if the descriptor cannot be written to. The command does not inherit it.
    explicit StatusStream(int descriptor);

    void waiting(const LockRecord& holder);
    void held(const LockRecord& holder);
    void acquired(const std::string& name, Fence fence, Milliseconds validFor);
    void started(int pid);
    void lost(std::string_view reason);
    /// How the command itself has ended.
    void exited(int status);
    void signalled(int number);
    void released();
    /// What the program could not do; `status` is the one that it will end with.
    void failed(std::string_view message, int status);

private:
    void write(std::string_view event, const std::string& more);

    int _descriptor;
};

} // namespace Leasehold::Tool
