#pragma once

#include "CommandStart.h"
#include "Descriptor.h"
#include "GuardianProtocol.h"

#include <sys/types.h>

namespace Leasehold::Tool
{

/// A small process that runs the command and ends all its processes before the lease ends, whatever happens to leasehold itself. It has
/// the deadlines and a timer on the clock of the lease, and does not use the store.
///
/// It is the parent of the command and the child subreaper of all its descendants, so that it finds them also when they have begun
/// sessions of their own. It sends TERM to all of them at terminateAt and KILL at killAt, until none is left; the same when the
/// command has ended and left some behind; and KILL at once when leasehold is gone. A CONT is passed on only while the lease is good.
///
/// It is in a process group of its own, so that what the terminal sends does not reach it, but in the session of its parent:
/// a guardian in another session would make the command's process group an orphaned one, which Ctrl-Z cannot stop.
class Guardian
{
public:
    /// Forks it. The caller must have one thread only and no descriptor that the command may not inherit (all but the standard
    /// ones must be close-on-exec). Throws std::system_error, also if /proc does not show what would have to be stopped. The guardian
    /// itself never returns from here.
    explicit Guardian(const CommandToRun& command);

    /// Closes the socket: the guardian kills the processes that still run.
    ~Guardian();
    Guardian(const Guardian&) = delete;
    Guardian& operator=(const Guardian&) = delete;

    /// Readable when a report has come or the guardian has ended.
    int socket() const noexcept { return _socket.get(); }
    pid_t pid() const noexcept { return _pid; }

    bool send(const GuardianOrder& order) noexcept { return sendOrder(_socket.get(), order); }
    Received receive(GuardianReport& report) noexcept { return receiveReport(_socket.get(), report); }

private:
    Descriptor _socket;
    pid_t _pid = -1;
};

} // namespace Leasehold::Tool
