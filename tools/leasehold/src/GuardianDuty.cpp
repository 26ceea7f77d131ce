#include "GuardianDuty.h"

#include "BootTime.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace Leasehold::Tool
{

namespace
{

/// How long to wait for processes after KILL. A process that needs longer hangs in the kernel, and runs no code of its own any more.
constexpr LocalClock::duration killTimeout = std::chrono::seconds{10};
constexpr int lockMemoryAfter = 20;   // ms
constexpr int pauseBetweenRounds = 2; // ms; it ends early if a child ends

LocalTime timeOf(LocalClock::rep sinceBoot)
{
    return LocalTime{LocalClock::duration{sinceBoot}};
}

/// True while there is a child, dead or alive.
bool hasChildren()
{
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

} // namespace

GuardianDuty::GuardianDuty(Descriptor socket, const CommandToRun& command) : _socket(std::move(socket)), _command(command) {}

void GuardianDuty::prepare()
{
    ::prctl(PR_SET_NAME, "leasehold-guard");
    // Only KILL and STOP can interrupt the guardian.
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::signal(SIGCHLD, SIG_DFL);
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    _children = Descriptor(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    _timer = Descriptor(makeBootTimer());
}

void GuardianDuty::run()
{
    prepare();
    if (!_children || !_timer || ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
    {
        report(GuardianReport::Kind::cannotStart, errno);
        return;
    }
    while (_phase != Phase::over)
    {
        pollfd ready[] = {{_socket.get(), POLLIN, 0}, {_timer.get(), POLLIN, 0}, {_outcome.get(), POLLIN, 0}, {_children.get(), POLLIN, 0}};
        const int events = ::poll(ready, 4, _phase == Phase::running && !_memoryIsLocked ? lockMemoryAfter : -1);
        if (events < 0)
            continue; // poll was interrupted by a signal
        if (events == 0)
            lockMemory();
        // The deadline comes before all other events.
        if (_phase == Phase::running || _phase == Phase::terminating)
            checkDeadlines();
        if (ready[2].revents != 0 && _outcome)
            readExecResult();
        if (ready[3].revents != 0)
            reap();
        if (ready[0].revents != 0 && _phase != Phase::over && !handleOrders())
            killAll(); // leasehold has ended
    }
}

/// False: leasehold has closed its side.
bool GuardianDuty::handleOrders()
{
    GuardianOrder order;
    for (;;)
    {
        switch (receiveOrder(_socket.get(), order))
        {
        case Received::nothing:
            return true;
        case Received::closed:
            return false;
        case Received::message:
            break;
        }
        switch (order.kind)
        {
        case GuardianOrder::Kind::start:
            start(order);
            break;
        case GuardianOrder::Kind::extend:
            if (_phase != Phase::running)
                break; // TERM was sent: a later deadline changes nothing
            _terminateAt = timeOf(order.terminateAt);
            _killAt = timeOf(order.killAt);
            armBootTimer(_timer.get(), _terminateAt);
            break;
        case GuardianOrder::Kind::signal:
            forwardSignal(order.number);
            break;
        case GuardianOrder::Kind::lost:
            _killAt = std::min(_killAt, timeOf(order.killAt));
            beginTermination(GuardianReport::Kind::terminating);
            break;
        }
        if (_phase == Phase::over)
            return true;
    }
}

void GuardianDuty::start(const GuardianOrder& order)
{
    _terminateAt = timeOf(order.terminateAt);
    _killAt = timeOf(order.killAt);
    _killAfter = _killAt - _terminateAt;
    // Both processes may have been delayed since the order was written.
    if (LocalClock::now() >= _terminateAt)
    {
        report(GuardianReport::Kind::tooLate, 0);
        _phase = Phase::over;
        return;
    }
    armBootTimer(_timer.get(), _terminateAt);
    auto started = startCommand(_command, order.fence, order.number != 0);
    if (started.error != 0)
    {
        report(GuardianReport::Kind::cannotStart, started.error);
        _phase = Phase::over;
        return;
    }
    _phase = Phase::running;
    _pid = _group = started.pid;
    _outcome = std::move(started.outcome);

    // Close the standard descriptors: otherwise a reader of the command's output would not see its end when the command has ended.
    if (const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC)); nothing)
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            ::dup2(nothing.get(), standard);
    // On a busy machine a process may wait for a processor for longer than the safety margin, and a nice value changes nothing between
    // sessions (autogroup). If this process may not set the policy, it runs without.
    const sched_param lowest{.sched_priority = 1};
    if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) != 0)
        ::setpriority(PRIO_PROCESS, 0, -10);
}

/// A command whose file cannot be executed is reported when its process has ended.
void GuardianDuty::readExecResult()
{
    _execError = outcomeOfExec(_outcome);
    _outcome.close();
    if (_execError == 0)
        report(GuardianReport::Kind::started, _pid);
}

/// Locks the memory, so that no page must be read from a disk at the deadline. It waits until the guardian is idle, because it takes longer
/// than a short command.
void GuardianDuty::lockMemory()
{
    ::mlockall(MCL_CURRENT);
    _memoryIsLocked = true;
}

void GuardianDuty::forwardSignal(int number)
{
    if (_pid < 0)
        return;
    // A command that was stopped past its lease must not run again.
    if (number == SIGCONT && (_phase != Phase::running || LocalClock::now() >= _terminateAt))
        return;
    ::kill(-_pid, number);
}

void GuardianDuty::checkDeadlines()
{
    const auto now = LocalClock::now();
    if (now >= _terminateAt && _phase == Phase::running)
        beginTermination(GuardianReport::Kind::terminating); // also when KILL is due: the report says why the command was ended
    if (now >= _killAt)
        killAll();
}

void GuardianDuty::beginTermination(GuardianReport::Kind why)
{
    if (_phase != Phase::running)
    {
        if (_phase == Phase::terminating)
            armBootTimer(_timer.get(), _killAt);
        return;
    }
    _phase = Phase::terminating;
    const auto all = descendantsOf(::getpid());
    if (why == GuardianReport::Kind::leftBehind)
        _killAt = std::min(_killAt, LocalClock::now() + _killAfter);
    armBootTimer(_timer.get(), _killAt);
    signalAll(SIGTERM, all);
    report(why, std::max(static_cast<int>(all.size()), 1));
}

/// Returns how many processes refuse the signal. If /proc does not show the command (it is unreadable, or hides a setuid process), its
/// process group gets the signal by number.
std::size_t GuardianDuty::signalAll(int number, const std::vector<ProcessSeen>& all) const
{
    const auto immune = std::count_if(all.begin(), all.end(), [&](const ProcessSeen& one) { return !signalProcess(one, number); });
    const bool seen = std::any_of(all.begin(), all.end(), [&](const ProcessSeen& one) { return one.pid == _pid; });
    if (all.empty() || (_pid > 0 && !seen))
        signalGroupOfChild(_group, number);
    return static_cast<std::size_t>(immune);
}

/// The number of the command's processes; at least 1 if there is any, even where /proc shows none.
int GuardianDuty::countLeft() const
{
    return std::max(static_cast<int>(descendantsOf(::getpid()).size()), hasChildren() ? 1 : 0);
}

/// Collects every child that has stopped or ended.
void GuardianDuty::reap()
{
    signalfd_siginfo ignored[8];
    while (::read(_children.get(), ignored, sizeof ignored) > 0)
    {
    }
    for (;;)
    {
        int status = 0;
        const pid_t child = ::waitpid(-1, &status, WNOHANG | WUNTRACED);
        if (child <= 0)
            break;
        if (child != _pid)
            continue;
        if (WIFSTOPPED(status))
        {
            report(GuardianReport::Kind::stopped, WSTOPSIG(status));
            continue;
        }
        if (_outcome)
            readExecResult();
        _pid = -1;
        if (_execError != 0)
        {
            report(GuardianReport::Kind::cannotStart, _execError);
            _phase = Phase::over;
        }
        else if (WIFEXITED(status))
            report(GuardianReport::Kind::exited, WEXITSTATUS(status));
        else
            report(GuardianReport::Kind::signalled, WTERMSIG(status));
    }
    if (_pid < 0)
        finishIfAlone();
}

/// The work after the command itself has ended.
void GuardianDuty::finishIfAlone()
{
    if (_phase == Phase::over)
        return;
    if (!hasChildren())
    {
        report(GuardianReport::Kind::gone, 0);
        _phase = Phase::over;
    }
    else if (_phase == Phase::running)
        beginTermination(GuardianReport::Kind::leftBehind);
}

void GuardianDuty::killAll()
{
    if (_phase == Phase::over)
        return;
    const bool began = _phase != Phase::waiting;
    if (began)
        report(GuardianReport::Kind::killing, 0);
    const auto giveUp = LocalClock::now() + killTimeout;
    std::size_t immune = 0;
    while (began)
    {
        immune = signalAll(SIGKILL, descendantsOf(::getpid()));
        _phase = Phase::terminating; // so that reap() begins nothing
        reap();
        if (_phase == Phase::over)
            return; // reap() has reported the end
        if ((immune > 0 && immune == descendantsOf(::getpid()).size()) || LocalClock::now() >= giveUp)
            break;
        pollfd ended{_children.get(), POLLIN, 0};
        ::poll(&ended, 1, pauseBetweenRounds);
    }
    report(GuardianReport::Kind::gone, began ? countLeft() : 0);
    _phase = Phase::over;
}

} // namespace Leasehold::Tool
