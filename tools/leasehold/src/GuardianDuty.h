#pragma once

#include "CommandStart.h"
#include "Descendants.h"
#include "Descriptor.h"
#include "GuardianProtocol.h"

#include "Leasehold/TimeSource.h"

#include <cstddef>
#include <sys/types.h>
#include <vector>

namespace Leasehold::Tool
{

/// The work of the guardian process: see Guardian. It has one thread, no store and no lock.
class GuardianDuty
{
public:
    GuardianDuty(Descriptor socket, const CommandToRun& command);

    /// Runs until no process is left to guard.
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
    bool handleOrders();
    void start(const GuardianOrder& order);
    void readExecResult();
    void lockMemory();
    void forwardSignal(int number);
    void checkDeadlines();
    void beginTermination(GuardianReport::Kind why);
    void reap();
    void finishIfAlone();
    void killAll();
    std::size_t signalAll(int number, const std::vector<ProcessSeen>& all) const;
    int countLeft() const;
    void report(GuardianReport::Kind kind, int number) { sendReport(_socket.get(), {kind, number}); }

    const Descriptor _socket;
    const CommandToRun& _command;
    Descriptor _timer, _children; // a signalfd of SIGCHLD
    Phase _phase = Phase::waiting;
    bool _memoryIsLocked = false;
    pid_t _pid = -1;     // of the command, until it was reaped
    pid_t _group = -1;   // of the command
    Descriptor _outcome; // of the command's exec, until the outcome is known
    int _execError = 0;
    LocalTime _terminateAt = LocalTime::max();
    LocalTime _killAt = LocalTime::max();
    LocalClock::duration _killAfter{}; // the time between TERM and KILL
};

} // namespace Leasehold::Tool
