#include "Supervisor.h"

#include "Descendants.h"
#include "ExitStatus.h"
#include "Messages.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

/// How long to wait for processes after KILL. A process that needs longer hangs in the kernel, and runs no code of its own any more.
constexpr LocalClock::duration killTimeout = std::chrono::seconds{10};
constexpr int pauseBetweenRounds = 2; // ms

/// Collects every child that has ended. True: none is left.
bool reapedAll()
{
    for (;;)
    {
        const pid_t child = ::waitpid(-1, nullptr, WNOHANG);
        if (child == 0)
            return false;
        if (child < 0 && errno == ECHILD)
            return true;
    }
}

std::string countedProcesses(int count)
{
    return std::to_string(count) + (count == 1 ? " process" : " processes");
}

} // namespace

void Supervisor::run()
{
    start();
    while (!_ended)
    {
        pollfd ready[] = {
            {_parts.guardian.socket(), POLLIN, 0}, {_parts.inbox.descriptor(), POLLIN, 0}, {_parts.wakeup.descriptor(), POLLIN, 0}};
        if (::poll(ready, 3, -1) < 0)
            continue; // poll was interrupted by a signal
        if (ready[2].revents != 0)
            handleLockEvents();
        if (ready[0].revents != 0)
            handleReports();
        if (ready[1].revents != 0 && !_ended)
            handleSignals();
    }
    if (_hasTerminal)
        _parts.terminal.takeBack();
    if (_modesInDoubt)
        _parts.terminal.restoreModes();
}

void Supervisor::start()
{
    _hasTerminal = _parts.terminal.suitsCommand();
    tellDeadlines(GuardianOrder::Kind::start, _hasTerminal ? 1 : 0);
}

/// Reads the clock before the lease, so that the deadline is never later than the lease's end.
void Supervisor::tellDeadlines(GuardianOrder::Kind kind, int number)
{
    const auto now = LocalClock::now();
    const auto validUntil = now + _lock.remaining();
    _validUntil = validUntil;
    GuardianOrder order;
    order.kind = kind;
    order.number = number;
    order.fence = _lock.fence();
    order.terminateAt = _parts.times.terminateAt(validUntil).time_since_epoch().count();
    order.killAt = _parts.times.killAt(validUntil).time_since_epoch().count();
    // If the guardian does not get it, it keeps the earlier deadline; if it has ended, run() notices that.
    _parts.guardian.send(order);
}

/// The guardian reports that the lease ends. The reason comes from the service, or else from the clock.
void Supervisor::noteLoss()
{
    if (_lossReason)
        return;
    _lossReason = _parts.observer.loss().value_or(_validUntil >= _parts.holdUntil ? LossReason::maxHold : LossReason::expired);
    _parts.status.lost(toString(*_lossReason));
}

void Supervisor::handleLockEvents()
{
    _parts.wakeup.clear();
    const auto loss = _parts.observer.loss();
    if (!loss)
    {
        if (_lock.isHeld())
            tellDeadlines(GuardianOrder::Kind::extend, 0);
        return;
    }
    if (_lossReason)
        return;
    _lossReason = loss;
    _parts.status.lost(toString(*loss));
    GuardianOrder order;
    order.kind = GuardianOrder::Kind::lost;
    order.killAt = (LocalClock::now() + _parts.times.beforeTheEnd).time_since_epoch().count();
    _parts.guardian.send(order);
}

void Supervisor::handleSignals()
{
    while (const auto signal = _parts.inbox.next())
    {
        if (signal->number == SIGCONT)
        {
            continueCommand();
            continue;
        }
        GuardianOrder order;
        order.kind = GuardianOrder::Kind::signal;
        order.number = signal->number;
        _parts.guardian.send(order);
    }
}

void Supervisor::continueCommand()
{
    if (!_lock.isHeld())
        return;
    if (_pid > 0 && _parts.terminal.isOurs() && (_suspended || _parts.terminal.suitsCommand()))
    {
        Terminal::giveTo(_pid);
        _hasTerminal = true;
    }
    _suspended = false;
    GuardianOrder order;
    order.kind = GuardianOrder::Kind::signal;
    order.number = SIGCONT;
    _parts.guardian.send(order);
}

/// The command was stopped: by a key, by using the terminal from the background, or by a signal of another process.
void Supervisor::commandStopped(int number)
{
    const bool asksForTerminal = number == SIGTTIN || number == SIGTTOU;
    if (asksForTerminal && _parts.terminal.isOurs())
    {
        _suspended = true;
        continueCommand();
        return;
    }
    if (number == SIGSTOP && !_hasTerminal)
        return; // another process stopped it on purpose; the lock is kept meanwhile
    _suspended = _hasTerminal || asksForTerminal;
    if (_hasTerminal)
        _parts.terminal.takeBack();
    _hasTerminal = false;
    SignalInbox::stopOurGroup(number);
    // The system does not stop this process if its shell has ended and could not continue it. So the command must not stay stopped either.
    pollfd continued{_parts.inbox.descriptor(), POLLIN, 0};
    if (::poll(&continued, 1, 0) == 0 && !asksForTerminal)
        continueCommand();
}

void Supervisor::handleReports()
{
    GuardianReport report;
    while (!_ended)
    {
        switch (_parts.guardian.receive(report))
        {
        case Received::nothing:
            return;
        case Received::closed:
            guardianEnded();
            return;
        case Received::message:
            handle(report);
        }
    }
}

void Supervisor::handle(const GuardianReport& report)
{
    switch (report.kind)
    {
    case GuardianReport::Kind::started:
        _pid = report.number;
        _parts.status.started(_pid);
        break;
    case GuardianReport::Kind::cannotStart:
        _exitStatus = report.number == ENOENT ? exitNotFound : exitCannotRun;
        Messages::say(std::string("the command cannot be run: ") + std::strerror(report.number));
        _parts.status.failed(std::strerror(report.number), _exitStatus);
        _ended = true;
        break;
    case GuardianReport::Kind::tooLate:
        noteLoss();
        _neverStarted = true;
        _ended = true;
        break;
    case GuardianReport::Kind::stopped:
        commandStopped(report.number);
        break;
    case GuardianReport::Kind::exited:
        _exitStatus = report.number;
        _parts.status.exited(report.number);
        break;
    case GuardianReport::Kind::signalled:
        _exitStatus = exitSignal + report.number;
        _modesInDoubt = true;
        if (_hasTerminal && (report.number == SIGINT || report.number == SIGQUIT))
            _keySignal = report.number;
        _parts.status.signalled(report.number);
        break;
    case GuardianReport::Kind::terminating:
        noteLoss();
        Messages::say("the lease of lock \"" + _lock.name() + "\" ends: stopping the command (" + countedProcesses(report.number) + ")");
        break;
    case GuardianReport::Kind::killing:
        _modesInDoubt = true;
        break;
    case GuardianReport::Kind::leftBehind:
        Messages::say("the command has ended and left " + countedProcesses(report.number) +
                      " in the background: stopping what runs under the lock \"" + _lock.name() + "\" before it is released");
        break;
    case GuardianReport::Kind::gone:
        if (report.number > 0)
            Messages::say(countedProcesses(report.number) + " of the command could not be killed and may still run");
        _ended = true;
        break;
    }
}

/// The guardian was killed. The command ended with it, and this process is now the parent of the processes that the command started.
void Supervisor::guardianEnded()
{
    Messages::say("the guardian process was killed: the command is stopped, because nothing else could stop it in time");
    const auto giveUp = LocalClock::now() + killTimeout;
    while (!reapedAll() && LocalClock::now() < giveUp)
    {
        for (const auto& process : descendantsOf(::getpid()))
            signalProcess(process, SIGKILL);
        signalGroupOfChild(_pid, SIGKILL); // in case /proc is not readable any more
        ::poll(nullptr, 0, pauseBetweenRounds);
    }
    if (const auto left = descendantsOf(::getpid()).size(); left > 0)
        Messages::say(countedProcesses(static_cast<int>(left)) + " of the command could not be killed and may still run");
    _exitStatus = exitInternal;
    _modesInDoubt = true;
    _parts.status.failed("the guardian process was killed", exitInternal);
    _ended = true;
}

} // namespace Leasehold::Tool
