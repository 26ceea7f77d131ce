#pragma once

#include "Descriptor.h"

#include <optional>
#include <signal.h>

namespace Leasehold::Tool
{

/// The signals that `run` passes on, taken from a descriptor instead of being handled. Make it before any thread starts: threads
/// inherit its mask. A signal that was ignored when the program started stays ignored, so that `nohup` works.
class SignalInbox
{
public:
    /// Throws std::system_error.
    SignalInbox();

    int descriptor() const noexcept { return _descriptor.get(); }

    struct Signal
    {
        int number = 0;
        bool fromTerminal = false; ///< a key was pressed, or the terminal was closed
    };

    /// The next signal that has come, if one has.
    std::optional<Signal> next() noexcept;

    /// Does what the signal does by default to a whole process group, ours: for TSTP, TTIN, TTOU and STOP. Returns when we are
    /// continued (at once, if the system does not let us stop); a SIGCONT is then among the next signals.
    static void stopOurGroup(int number) noexcept;

    /// Sends it to our own process group and ends this process by it, so that a shell sees a key press as it would without us.
    /// Returns if the signal is ignored.
    static void endOurGroup(int number) noexcept;

private:
    Descriptor _descriptor;
};

} // namespace Leasehold::Tool
