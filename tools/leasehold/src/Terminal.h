#pragma once

#include "Descriptor.h"

#include <optional>
#include <sys/types.h>
#include <termios.h>

namespace Leasehold::Tool
{

/// The controlling terminal of this process, if there is one, and which process group is in its foreground.
class Terminal
{
public:
    /// Opens it and remembers its modes.
    Terminal();

    bool exists() const noexcept { return static_cast<bool>(_device); }

    /// Whether our own process group is in the foreground.
    bool isOurs() const noexcept;

    /// Whether a command should get it from the start: it is ours, and input and output both go there. In a pipeline another
    /// program may be the one that talks to the user; then the command gets it when it asks.
    bool suitsCommand() const noexcept;

    /// Takes the foreground back for our own process group.
    void takeBack() noexcept;

    /// Puts the modes back that were set when this was made.
    void restoreModes() noexcept;

    /// Makes that process group the foreground of the controlling terminal. Works from the background, too.
    static void giveTo(pid_t group) noexcept;

private:
    Descriptor _device;
    std::optional<termios> _modes;
};

} // namespace Leasehold::Tool
