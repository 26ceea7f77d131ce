#pragma once

#include "Guardian.h"
#include "KillTimes.h"
#include "RunObserver.h"
#include "SignalInbox.h"
#include "StatusStream.h"
#include "Terminal.h"
#include "Wakeup.h"

#include "Leasehold/Lock.h"

#include <optional>

namespace Leasehold::Tool
{

/// Runs the command under an acquired lock: tells the guardian of each renewal, forwards signals, handles the terminal as a shell expects
/// of a job, and says how the command ended.
class Supervisor
{
public:
    struct Parts
    {
        Guardian& guardian;
        SignalInbox& inbox;
        Wakeup& wakeup;
        RunObserver& observer;
        StatusStream& status;
        Terminal& terminal;
        KillTimes times;
        LocalTime holdUntil; ///< about when maxHold ends the lease, which then is not renewed any more
    };

    Supervisor(const Parts& parts, Lock& lock) : _parts(parts), _lock(lock) {}

    /// Returns when no process of the command is left. The caller releases the lock.
    void run();

    /// Why the command was stopped before it ended by itself; nullopt: it was not. Lost by the clock is LossReason::expired.
    std::optional<LossReason> lossReason() const noexcept { return _lossReason; }

    /// Whether there was a command. The lease may end before it can be started.
    bool neverStarted() const noexcept { return _neverStarted; }

    /// The exit status of this program, unless the lock was lost.
    int exitStatus() const noexcept { return _exitStatus; }

    /// The key whose signal ended the command while it had the terminal, if one did; 0: none.
    int keySignal() const noexcept { return _keySignal; }

private:
    void start();
    void noteLoss();
    void tellDeadlines(GuardianOrder::Kind kind, int number);
    void handleLockEvents();
    void handleSignals();
    void handleReports();
    void handle(const GuardianReport& report);
    void commandStopped(int number);
    void continueCommand();
    void guardianEnded();
    bool isSuspended() const noexcept { return _suspended; }

    const Parts _parts;
    Lock& _lock;
    pid_t _pid = -1; // of the command
    bool _hasTerminal = false;
    bool _suspended = false; // it had the terminal when it was stopped
    bool _ended = false;
    bool _neverStarted = false;
    bool _modesInDoubt = false;
    LocalTime _validUntil{}; // as the guardian was told last
    std::optional<LossReason> _lossReason;
    int _exitStatus = 0;
    int _keySignal = 0;
};

} // namespace Leasehold::Tool
