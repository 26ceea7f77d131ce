#pragma once

#include "Outlet.h"

#include "Leasehold/LockRecord.h"

#include <optional>
#include <string>
#include <string_view>

namespace Leasehold::Tool
{

/// The output of `--status-fd N`: one JSON object a line for each event, because a command may end with a status that this program also
/// uses. If the reader is gone, nothing more is written. If it stops reading, nothing waits for it: see Outlet.
class StatusStream
{
public:
    /// -1: no output. Throws UsageError if the descriptor cannot be written to. The command does not inherit it.
    explicit StatusStream(int descriptor);

    /// Returns when the events are written, or after a second. Call it before this process is ended by a signal.
    void drain();

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

    std::optional<Outlet> _own;
    Outlet* _outlet = nullptr; // null: no output
};

} // namespace Leasehold::Tool
