#include "Command.h"
#include "ExitStatus.h"
#include "Failure.h"
#include "HolderDetails.h"
#include "KillTimes.h"
#include "LockWait.h"
#include "Messages.h"
#include "StoreChoice.h"
#include "Supervisor.h"
#include "UsageError.h"
#include "holderMetadata.h"

#include "Leasehold/Exceptions.h"

#include <array>
#include <memory>

namespace Leasehold::Tool
{

namespace
{

constexpr std::array options = {
    OptionSpec{"--ttl", "DURATION", "how long the lease lasts without being renewed (the policy's, 30s)"},
    OptionSpec{"--wait", "DURATION", "wait so long for a lock that another holds, or forever (the policy's, 0)"},
    OptionSpec{"--max-hold", "DURATION", "stop the command after so long (never)"},
    OptionSpec{"--metadata", "JSON", "an object that is shown to those who wait for the lock or list it"},
    OptionSpec{"--metadata-command", "", "show them the command's arguments as well: they may hold secrets"},
    OptionSpec{"--busy-code", "N", "the exit status if another holds the lock (75)"},
    OptionSpec{"--kill-after", "DURATION", "what the command gets between TERM and KILL when the lease ends (ttl/6)"},
    OptionSpec{"--status-fd", "N", "write each event to this descriptor, one JSON object a line"},
};

/// What the user asked for.
struct Wishes
{
    std::string name{};
    std::vector<std::string> command{};
    LockOptions lock{};
    std::optional<Milliseconds> killAfter{};
    int busyCode = exitHeld;
};

Wishes read(const CommandLine& line)
{
    if (line.operands().empty())
        throw UsageError("the name of the lock is missing");
    if (line.operands().size() > 1)
        throw UsageError("put -- before the command: leasehold run NAME -- " + line.operands()[1]);
    if (line.afterSeparator().empty())
        throw UsageError("the command is missing: leasehold run " + line.operands()[0] + " -- COMMAND [ARGUMENT...]");
    Wishes wishes;
    wishes.name = line.operands()[0];
    wishes.command = line.afterSeparator();
    wishes.lock.ttl = line.duration("--ttl");
    wishes.lock.wait = line.durationOrForever("--wait");
    wishes.lock.maxHold = line.durationOrForever("--max-hold");
    wishes.lock.metadata = holderMetadata(wishes.command, line.has("--metadata-command"), line.value("--metadata"));
    wishes.killAfter = line.duration("--kill-after");
    wishes.busyCode = line.number("--busy-code", 0, 255).value_or(exitHeld);
    return wishes;
}

/// Checked before anything is started.
KillTimes killTimes(const Wishes& wishes, const LockPolicy& policy)
{
    const auto lease = wishes.lock.ttl ? policy.lease.forTTL(*wishes.lock.ttl) : policy.lease;
    try
    {
        lease.validate();
    }
    catch (const LockConfigurationError& error)
    {
        if (wishes.lock.ttl)
            throw UsageError("--ttl " + formatDuration(*wishes.lock.ttl) + ": " + error.message());
        throw;
    }
    return KillTimes::of(lease, wishes.killAfter);
}

/// Takes the lock, runs the command and gives the lock back.
class Run
{
public:
    Run(const Wishes& wishes, ChosenStore chosen, StatusStream& status) :
        _wishes(wishes), _times(killTimes(wishes, chosen.policy)), _status(status), _command{wishes.name, wishes.command},
        _guardian(_command), // before any thread starts
        _observer(std::make_shared<RunObserver>(_wakeup)),
        _service(std::move(chosen.store), std::move(chosen.policy), {.observers = {_observer}})
    {
    }

    int operator()()
    {
        LockWait wait(_inbox, _wakeup, *_observer, _status);
        try
        {
            auto attempt = wait.acquire(_service, _wishes.name, _wishes.lock);
            if (wait.endedBy())
                return endedBySignal(*wait.endedBy());
            if (!attempt)
            {
                _status.held(attempt.holder());
                Messages::say("lock \"" + printable(_wishes.name) + "\" is " + describeHolder(attempt.holder()) + "; try --wait 30s");
                return _wishes.busyCode;
            }
            return supervise(*attempt);
        }
        catch (const LockWaitCancelled&)
        {
            return endedBySignal(*wait.endedBy());
        }
    }

private:
    int endedBySignal(const SignalInbox::Signal& signal)
    {
        _status.failed("a signal ended the wait", exitSignal + signal.number);
        if (signal.fromTerminal)
            SignalInbox::endOurGroup(signal.number);
        return exitSignal + signal.number;
    }

    int supervise(Lock& lock)
    {
        _status.acquired(lock.name(), lock.fence(), lock.remaining());
        Supervisor supervisor({_guardian, _inbox, _wakeup, *_observer, _status, _terminal, _times, holdUntil()}, lock);
        supervisor.run();
        const auto status = giveBack(lock, supervisor);
        if (supervisor.keySignal() != 0 && status == supervisor.exitStatus())
            SignalInbox::endOurGroup(supervisor.keySignal());
        return status;
    }

    /// When maxHold ends, or a little earlier: it counts from the request that was granted, which has just been.
    LocalTime holdUntil() const
    {
        constexpr Milliseconds longestRequest{1000};
        const auto longest = _wishes.lock.maxHold ? _wishes.lock.maxHold : _service.policy().lease.maxHold;
        return longest && *longest != forever ? Clock::system()->now() + *longest - longestRequest : LocalTime::max();
    }

    /// The exit status.
    int giveBack(Lock& lock, const Supervisor& supervisor)
    {
        try
        {
            lock.release();
            _status.released();
        }
        catch (const LockLostError& error)
        {
            // Else the command was stopped because of it, which is said below in the same words however late this machine is.
            if (!supervisor.lossReason())
            {
                _status.lost(toString(error.reason()));
                Messages::say(error.message());
                return exitLost;
            }
        }
        catch (const LockStoreError&) // NOLINT(bugprone-empty-catch)
        {
            // The command ended under a valid lease, which will end by itself; the observer has said so.
        }
        if (!supervisor.lossReason())
            return supervisor.exitStatus();
        const std::string why = *supervisor.lossReason() == LossReason::maxHold
                                    ? "\" was held for as long as --max-hold or the policy allows, and the command was stopped"
                                    : "\" was not renewed in time, and the command was stopped before its lease ended";
        Messages::say("lock \"" + printable(lock.name()) + why + ": check what it has done, and run it again");
        return exitLost;
    }

    const Wishes& _wishes;
    const KillTimes _times;
    StatusStream& _status;
    const CommandToRun _command;
    Terminal _terminal;
    SignalInbox _inbox;
    Guardian _guardian;
    Wakeup _wakeup;
    std::shared_ptr<RunObserver> _observer;
    LockManagerService _service;
};

int run(const CommandLine& line, const std::vector<std::string>& words)
{
    const auto wishes = read(line);
    StatusStream status(line.number("--status-fd", 0, 1'000'000).value_or(-1));
    try
    {
        Run once(wishes, chooseStore(line, line.has("--quiet"), words), status);
        return once();
    }
    catch (...)
    {
        const auto failure = Failure::of(std::current_exception());
        status.failed(failure.message, failure.status);
        throw;
    }
}

} // namespace

const Command runCommand = {
    "run",
    "[OPTION...] NAME -- COMMAND [ARGUMENT...]",
    "run a command while holding a lock",
    "Takes the lock NAME, runs COMMAND, and gives the lock back when it has ended. The lease is renewed meanwhile.\n"
    "If it cannot be, COMMAND and everything that it started is ended before anybody else can have the lock: by TERM,\n"
    "then by KILL. The same happens to what COMMAND leaves in the background when it ends. COMMAND finds the lock's name\n"
    "in LEASEHOLD_LOCK and the number of this grant, which grows with each one, in LEASEHOLD_FENCE.\n"
    "\n"
    "The exit status is COMMAND's own; 128+n if signal n ended it; 126 it cannot be run; 127 it is not found;\n"
    "64 wrong usage; 69 the store does not answer; 70 internal error; 75 another holds the lock; 78 configuration;\n"
    "79 the lock was lost and COMMAND was stopped.\n",
    "  leasehold run nightly-backup --wait 5m -- /usr/local/bin/backup --all\n",
    options,
    &run};

} // namespace Leasehold::Tool
