#include "GuardianDuty.h"

#include "BootTime.h"
#include "Descendants.h"

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

namespace Leasehold::Tool
{

namespace
{

/// A process that takes longer to die of KILL hangs in the kernel: the signal stays with it, and it runs no more of its own.
constexpr Clock::duration patienceWithTheDying = std::chrono::seconds{10};
constexpr int settleAfter = 20;       // ms
constexpr int pauseBetweenRounds = 2; // ms, unless a child ends before

LocalTime timeOf(Clock::rep sinceBoot)
{
    return LocalTime{Clock::duration{sinceBoot}};
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
    // Only KILL and STOP can disturb it.
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
        pollfd ready[] = {{_socket.get(), POLLIN, 0}, {_timer.get(), POLLIN, 0}, {_children.get(), POLLIN, 0}};
        const int events = ::poll(ready, 3, _phase == Phase::running && !_settled ? settleAfter : -1);
        if (events < 0)
            continue; // nothing but an interruption is possible here
        if (events == 0)
            settle();
        // Time comes first: whatever else has happened, it is over when it is over.
        if (_phase == Phase::running || _phase == Phase::terminating)
            keepTime();
        if (ready[2].revents != 0)
            reap();
        if (ready[0].revents != 0 && _phase != Phase::over && !obey())
            killAll(); // leasehold is gone
    }
}

/// False: the other side has closed.
bool GuardianDuty::obey()
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
                break; // what was told to end stays told
            _terminateAt = timeOf(order.terminateAt);
            _killAt = timeOf(order.killAt);
            armBootTimer(_timer.get(), _terminateAt);
            break;
        case GuardianOrder::Kind::signal:
            passOn(order.number);
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
    armBootTimer(_timer.get(), _terminateAt);
    const auto started = startCommand(_command, order.fence, order.number != 0);
    if (started.error != 0)
    {
        report(GuardianReport::Kind::cannotStart, started.error);
        _phase = Phase::over;
        return;
    }
    _phase = Phase::running;
    _pid = started.pid;
    report(GuardianReport::Kind::started, started.pid);

    // Whoever reads what the command writes must see its end when it has ended.
    if (const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC)); nothing)
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            ::dup2(nothing.get(), standard);
    // To be on time on a busy machine, where a process may wait for a processor for longer than the safety margin, and a better nice
    // value changes nothing among sessions (autogroup). Without the right to it, it works as it does.
    const sched_param lowest{.sched_priority = 1};
    if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) != 0)
        ::setpriority(PRIO_PROCESS, 0, -10);
}

/// What it needs later must not have to be read from a disk then. It takes longer than a short command, so it waits for a moment without
/// work.
void GuardianDuty::settle()
{
    ::mlockall(MCL_CURRENT);
    _settled = true;
}

void GuardianDuty::passOn(int number)
{
    if (_pid < 0)
        return;
    // A command that was stopped past its lease must not run again.
    if (number == SIGCONT && (_phase != Phase::running || Clock::system()->now() >= _terminateAt))
        return;
    ::kill(-_pid, number);
}

void GuardianDuty::keepTime()
{
    const auto now = Clock::system()->now();
    if (now >= _killAt)
        killAll();
    else if (now >= _terminateAt && _phase == Phase::running)
        beginTermination(GuardianReport::Kind::terminating);
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
        _killAt = std::min(_killAt, Clock::system()->now() + _killAfter);
    armBootTimer(_timer.get(), _killAt);
    for (const auto& process : all)
        signalProcess(process, SIGTERM);
    report(why, static_cast<int>(all.size()));
}

/// Takes note of every child that has stopped or ended.
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
        _pid = -1;
        if (WIFEXITED(status))
            report(GuardianReport::Kind::exited, WEXITSTATUS(status));
        else
            report(GuardianReport::Kind::signalled, WTERMSIG(status));
    }
    if (_pid < 0)
        finishIfAlone();
}

/// After the command's own end.
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
    const auto giveUp = Clock::system()->now() + patienceWithTheDying;
    std::size_t immune = 0;
    while (began)
    {
        const auto all = descendantsOf(::getpid());
        immune = 0;
        for (const auto& process : all)
            immune += signalProcess(process, SIGKILL) ? 0 : 1;
        _phase = Phase::terminating; // so that reap() begins nothing
        reap();
        if (_phase == Phase::over)
            return; // reap() has said so
        if ((immune > 0 && immune == descendantsOf(::getpid()).size()) || Clock::system()->now() >= giveUp)
            break;
        pollfd ended{_children.get(), POLLIN, 0};
        ::poll(&ended, 1, pauseBetweenRounds);
    }
    report(GuardianReport::Kind::gone, began ? static_cast<int>(descendantsOf(::getpid()).size()) : 0);
    _phase = Phase::over;
}

} // namespace Leasehold::Tool
