#include "Command.h"
#include "ExitStatus.h"
#include "Failure.h"
#include "KillTimes.h"
#include "LockWait.h"
#include "Messages.h"
#include "StoreChoice.h"
#include "Supervisor.h"
#include "UsageError.h"
#include "holderMetadata.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/describeHolder.h"

#include <array>
#include <memory>

namespace Leasehold::Tool
{

namespace
{

constexpr std::array options = {
    OptionSpec{"--ttl", "DURATION", "how long the lease lasts without a renewal (default: the policy's, 30s)"},
    OptionSpec{"--wait", "DURATION", "how long to wait for a lock that another holds, or forever (default: the policy's, 0)"},
    OptionSpec{"--max-hold", "DURATION", "the maximum time until the command is stopped, or forever (default: the policy's)"},
    OptionSpec{"--min-hold", "DURATION", "the minimum time to keep the lock, also if the command ends sooner (default: 0)"},
    OptionSpec{"--metadata", "JSON", "a JSON object to show to those who wait for the lock or list it"},
    OptionSpec{"--metadata-command", "", "show them the arguments of COMMAND too: they may hold secrets"},
    OptionSpec{"--busy-code", "N", "the exit status if another holds the lock (default: 75)"},
    OptionSpec{"--kill-after", "DURATION", "the time between TERM and KILL when the lease ends (default: a sixth of the TTL)"},
    OptionSpec{"--status-fd", "N", "write each event to this descriptor, one JSON object a line"},
};

/// What the command line asks for.
struct RunRequest
{
    std::string name{};
    std::vector<std::string> command{};
    LockOptions lock{};
    std::optional<Milliseconds> killAfter{};
    int busyCode = exitHeld;
    bool quiet = false;
};

constexpr Milliseconds aYear = std::chrono::hours{24 * 365};

RunRequest read(const CommandLine& line)
{
    if (line.operands().empty())
        throw UsageError("the name of the lock is missing");
    if (line.operands().size() > 1)
        throw UsageError("put -- before the command: leasehold run NAME -- " + line.operands()[1]);
    if (line.afterSeparator().empty())
        throw UsageError("the command is missing: leasehold run " + line.operands()[0] + " -- COMMAND [ARGUMENT...]");
    RunRequest request;
    request.name = line.operands()[0];
    request.command = line.afterSeparator();
    request.lock.ttl = line.duration("--ttl", LeasePolicy::minTtl, LeasePolicy::maxTtl);
    request.lock.wait = line.durationOrForever("--wait", Milliseconds{0}, aYear);
    request.lock.maxHold = line.durationOrForever("--max-hold", Milliseconds{1}, aYear);
    request.lock.minHold = line.duration("--min-hold", Milliseconds{0}, LeasePolicy::maxTtl).value_or(Milliseconds{0});
    request.lock.metadata = holderMetadata(request.command, line.has("--metadata-command"), line.value("--metadata"));
    request.killAfter = line.duration("--kill-after", Milliseconds{0}, LeasePolicy::maxTtl);
    request.busyCode = line.number("--busy-code", 0, 255).value_or(exitHeld);
    request.quiet = line.has("--quiet");
    return request;
}

/// Checked before anything is started.
KillTimes killTimes(const RunRequest& request, const LockPolicy& policy)
{
    auto lease = request.lock.ttl ? policy.lease.forTTL(*request.lock.ttl) : policy.lease;
    if (request.lock.maxHold)
        lease.maxHold = request.lock.maxHold;
    try
    {
        lease.validate();
    }
    catch (const LockConfigurationError& error)
    {
        if (request.lock.ttl)
            throw UsageError("--ttl " + formatDuration(*request.lock.ttl) + ": " + error.message());
        throw;
    }
    return KillTimes::of(lease, request.killAfter);
}

/// Takes the lock, runs the command and gives the lock back.
class Run
{
public:
    Run(const RunRequest& request, ChosenStore chosen, StatusStream& status) :
        _request(request), _times(killTimes(request, chosen.policy)),
        _status(status), _command{request.name, request.command, chosen.store->info().type, chosen.store->info().location,
                                  HeldLocks::fromEnvironment()},
        _guardian(_command), // before any thread starts
        _observer(std::make_shared<RunObserver>(_wakeup)),
        _service(std::move(chosen.store), std::move(chosen.policy), {.observers = {_observer}})
    {
        Messages::neverWait();
    }

    int operator()()
    {
        LockWait wait(_inbox, _wakeup, *_observer, _status, _request.quiet);
        try
        {
            auto attempt = wait.acquire(_service, _request.name, _request.lock, _command.callers.fencesOf(_command.store, _request.name));
            if (wait.endedBy())
                return endedBySignal(*wait.endedBy());
            if (!attempt)
            {
                _status.held(attempt.holder());
                if (!_request.quiet)
                    Messages::say("lock \"" + _request.name + "\" is " + describeHolder(attempt.holder()) + "; try --wait 30s");
                return _request.busyCode;
            }
            return supervise(*attempt);
        }
        catch (const LockWaitCancelled&)
        {
            return endedBySignal(*wait.endedBy());
        }
        catch (const HeldByCaller& held)
        {
            _status.held(held.record);
            Messages::say("lock \"" + _request.name + "\" is held by the leasehold run that this one was started by (fence " +
                          std::to_string(held.record.fence) +
                          "): it would wait for itself; run the inner command without leasehold, or under a lock of another name");
            return _request.busyCode;
        }
    }

private:
    int endedBySignal(const SignalInbox::Signal& signal)
    {
        _status.failed("a signal ended the wait", exitSignal + signal.number);
        if (signal.fromTerminal)
            endOurGroup(signal.number);
        return exitSignal + signal.number;
    }

    void endOurGroup(int number)
    {
        Messages::drain();
        _status.drain();
        SignalInbox::endOurGroup(number);
    }

    int supervise(Lock& lock)
    {
        _status.acquired(lock.name(), lock.fence(), lock.remaining());
        Supervisor supervisor({_guardian, _inbox, _wakeup, *_observer, _status, _terminal, _times, holdUntil()}, lock);
        supervisor.run();
        _observer->commandEnded();
        const auto status = giveBack(lock, supervisor);
        if (supervisor.keySignal() != 0 && status == supervisor.exitStatus())
            endOurGroup(supervisor.keySignal());
        return status;
    }

    /// When maxHold ends, or a little earlier: it counts from the request that was granted, which has just been.
    LocalTime holdUntil() const
    {
        constexpr Milliseconds longestRequest{1000};
        const auto longest = _request.lock.maxHold ? _request.lock.maxHold : _service.policy().lease.maxHold;
        const auto end = later(LocalClock::now(), longest.value_or(forever));
        return end == LocalTime::max() ? end : end - longestRequest;
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
        const auto which = "lock \"" + lock.name() + "\" ";
        Messages::say(supervisor.neverStarted()
                          ? which + "was lost before the command was started (" + whyLost(*supervisor.lossReason()) +
                                "): the command was not run; run it again"
                          : which + whyLost(*supervisor.lossReason()) +
                                ", and the command was stopped before its lease ended: check what it has done, and run it again");
        return exitLost;
    }

    static std::string whyLost(LossReason reason)
    {
        switch (reason)
        {
        case LossReason::maxHold:
            return "was held for as long as --max-hold or the policy allows";
        case LossReason::broken:
            return "was broken by somebody (leasehold break)";
        case LossReason::refused:
            return "is not ours any more, says the store";
        default:
            return "was not renewed in time";
        }
    }

    const RunRequest& _request;
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
    const auto request = read(line);
    StatusStream status(line.number("--status-fd", 0, 1'000'000).value_or(-1));
    try
    {
        Run once(request, chooseStore(line, line.has("--quiet"), words), status);
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
    "Acquires the lock NAME, runs COMMAND, renews the lease meanwhile, and releases the lock when COMMAND has ended.\n"
    "If the lease cannot be renewed, COMMAND and every process that it started get TERM, then KILL, before anybody else\n"
    "can have the lock. So do processes that COMMAND leaves in the background when it ends. LEASEHOLD_LOCK has the\n"
    "lock's name for COMMAND, and LEASEHOLD_FENCE the fence of this grant: a number that grows with each grant. A run of\n"
    "leasehold inside COMMAND that asks for the same lock is refused at once, since it would wait for itself.\n"
    "\n"
    "A message about a held lock tells when its lease ends. A living holder renews it, so this is not the time until the\n"
    "lock is free: use --wait.\n"
    "\n"
    "The exit status is COMMAND's own; 128+n if signal n ended it; 126 it cannot be run; 127 it is not found;\n"
    "64 wrong usage; 69 the store does not answer; 70 internal error; 75 another holds the lock; 78 configuration;\n"
    "79 the lock was lost and COMMAND was stopped.\n",
    "  leasehold run nightly-backup --wait 5m -- /usr/local/bin/backup --all\n",
    options,
    &run};

} // namespace Leasehold::Tool
