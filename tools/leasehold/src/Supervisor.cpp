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

/// A process that takes longer to die of KILL hangs in the kernel: the signal stays with it, and it runs no more of its own.
constexpr Clock::duration patienceWithTheDying = std::chrono::seconds{10};
constexpr int pauseBetweenRounds = 2; // ms

/// Takes note of every child that has ended. True: none is left.
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
        pollfd ready[] = {{_.guardian.socket(), POLLIN, 0}, {_.inbox.descriptor(), POLLIN, 0}, {_.wakeup.descriptor(), POLLIN, 0}};
        if (::poll(ready, 3, -1) < 0)
            continue; // nothing but an interruption is possible here
        if (ready[2].revents != 0)
            serveNews();
        if (ready[0].revents != 0)
            serveReports();
        if (ready[1].revents != 0 && !_ended)
            serveSignals();
    }
    if (_hasTerminal)
        _.terminal.takeBack();
    if (_modesInDoubt)
        _.terminal.restoreModes();
}

void Supervisor::start()
{
    _hasTerminal = _.terminal.suitsCommand();
    tellDeadlines(GuardianOrder::Kind::start, _hasTerminal ? 1 : 0);
}

/// The clock is read before the lease is asked, so that the deadline is never later than the lease's end.
void Supervisor::tellDeadlines(GuardianOrder::Kind kind, int number)
{
    const auto now = Clock::system()->now();
    const auto validUntil = now + _lock.remaining();
    _validUntil = validUntil;
    GuardianOrder order;
    order.kind = kind;
    order.number = number;
    order.fence = _lock.fence();
    order.terminateAt = _.times.terminateAt(validUntil).time_since_epoch().count();
    order.killAt = _.times.killAt(validUntil).time_since_epoch().count();
    // A guardian that does not take it keeps the earlier deadline, or has ended, which is seen elsewhere.
    _.guardian.send(order);
}

/// Why a lease ends that the store has not refused.
LossReason Supervisor::reasonOfTheEnd() const
{
    return _validUntil >= _.holdUntil ? LossReason::maxHold : LossReason::expired;
}

void Supervisor::serveNews()
{
    _.wakeup.clear();
    const auto loss = _.observer.loss();
    if (!loss)
    {
        if (_lock.isHeld())
            tellDeadlines(GuardianOrder::Kind::extend, 0);
        return;
    }
    if (_lossReason)
        return;
    _lossReason = loss;
    _.status.lost(toString(*loss));
    GuardianOrder order;
    order.kind = GuardianOrder::Kind::lost;
    order.killAt = (Clock::system()->now() + _.times.beforeTheEnd).time_since_epoch().count();
    _.guardian.send(order);
}

void Supervisor::serveSignals()
{
    while (const auto signal = _.inbox.next())
    {
        if (signal->number == SIGCONT)
        {
            continueCommand();
            continue;
        }
        GuardianOrder order;
        order.kind = GuardianOrder::Kind::signal;
        order.number = signal->number;
        _.guardian.send(order);
    }
}

void Supervisor::continueCommand()
{
    if (!_lock.isHeld())
        return;
    if (_pid > 0 && _.terminal.isOurs() && (_suspended || _.terminal.suitsCommand()))
    {
        Terminal::giveTo(_pid);
        _hasTerminal = true;
    }
    _suspended = false;
    GuardianOrder order;
    order.kind = GuardianOrder::Kind::signal;
    order.number = SIGCONT;
    _.guardian.send(order);
}

/// The command was stopped: by a key, by using the terminal from the background, or by somebody.
void Supervisor::commandStopped(int number)
{
    const bool asksForTerminal = number == SIGTTIN || number == SIGTTOU;
    if (asksForTerminal && _.terminal.isOurs())
    {
        _suspended = true;
        continueCommand();
        return;
    }
    if (number == SIGSTOP && !_hasTerminal)
        return; // somebody wants it so; the lock is kept meanwhile
    _suspended = _hasTerminal || asksForTerminal;
    if (_hasTerminal)
        _.terminal.takeBack();
    _hasTerminal = false;
    SignalInbox::stopOurGroup(number);
    // Nobody could continue a process whose shell is gone, so the system did not stop us; then it must not have stopped the command.
    pollfd continued{_.inbox.descriptor(), POLLIN, 0};
    if (::poll(&continued, 1, 0) == 0 && !asksForTerminal)
        continueCommand();
}

void Supervisor::serveReports()
{
    GuardianReport report;
    while (!_ended)
    {
        switch (_.guardian.receive(report))
        {
        case Received::nothing:
            return;
        case Received::closed:
            guardianEnded();
            return;
        case Received::message:
            serve(report);
        }
    }
}

void Supervisor::serve(const GuardianReport& report)
{
    switch (report.kind)
    {
    case GuardianReport::Kind::started:
        _pid = report.number;
        _.status.started(_pid);
        break;
    case GuardianReport::Kind::cannotStart:
        _exitStatus = report.number == ENOENT ? exitNotFound : exitCannotRun;
        Messages::say(std::string("the command cannot be run: ") + std::strerror(report.number));
        _.status.failed(std::strerror(report.number), _exitStatus);
        _ended = true;
        break;
    case GuardianReport::Kind::stopped:
        commandStopped(report.number);
        break;
    case GuardianReport::Kind::exited:
        _exitStatus = report.number;
        _.status.exited(report.number);
        break;
    case GuardianReport::Kind::signalled:
        _exitStatus = exitSignal + report.number;
        _modesInDoubt = true;
        if (_hasTerminal && (report.number == SIGINT || report.number == SIGQUIT))
            _keySignal = report.number;
        _.status.signalled(report.number);
        break;
    case GuardianReport::Kind::terminating:
        if (!_lossReason)
        {
            _lossReason = reasonOfTheEnd();
            _.status.lost(toString(*_lossReason));
        }
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

/// Somebody has killed the guardian. The command died with it, and what it started has become ours.
void Supervisor::guardianEnded()
{
    Messages::say("the guardian process was killed: the command is stopped, because nothing else could stop it in time");
    const auto giveUp = Clock::system()->now() + patienceWithTheDying;
    while (!reapedAll() && Clock::system()->now() < giveUp)
    {
        for (const auto& process : descendantsOf(::getpid()))
            signalProcess(process, SIGKILL);
        ::poll(nullptr, 0, pauseBetweenRounds);
    }
    if (const auto left = descendantsOf(::getpid()).size(); left > 0)
        Messages::say(countedProcesses(static_cast<int>(left)) + " of the command could not be killed and may still run");
    _exitStatus = exitInternal;
    _modesInDoubt = true;
    _.status.failed("the guardian process was killed", exitInternal);
    _ended = true;
}

} // namespace Leasehold::Tool
