#pragma once

#include "CommandStart.h"
#include "Descriptor.h"
#include "GuardianProtocol.h"

#include "Leasehold/Clock.h"

#include <cstddef>
#include <sys/types.h>

namespace Leasehold::Tool
{

/// What the guardian process does: see Guardian. One thread, no store, no lock.
class GuardianDuty
{
public:
    GuardianDuty(Descriptor socket, const CommandToRun& command);

    /// Until nothing is left to guard.
    void run();

private:
    enum class Phase
    {
        waiting, ///< for the order to start
        running,
        terminating, ///< TERM was sent, because of the lease or because the command has ended
        over
    };

    void prepare();
    bool obey();
    void start(const GuardianOrder& order);
    void settle();
    void passOn(int number);
    void keepTime();
    void beginTermination(GuardianReport::Kind why);
    void reap();
    void finishIfAlone();
    void killAll();
    void report(GuardianReport::Kind kind, int number) { sendReport(_socket.get(), {kind, number}); }

    const Descriptor _socket;
    const CommandToRun& _command;
    Descriptor _timer, _children; // a signalfd of SIGCHLD
    Phase _phase = Phase::waiting;
    bool _settled = false;
    pid_t _pid = -1; // of the command, until it was reaped
    LocalTime _terminateAt = LocalTime::max();
    LocalTime _killAt = LocalTime::max();
    Clock::duration _killAfter{}; // what the command gets between TERM and KILL
};

} // namespace Leasehold::Tool
