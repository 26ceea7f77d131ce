#include "TerminalShell.h"

#include "Leasehold/TimeSource.h"

#include <cppunit/TestAssert.h>

#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold
{

TerminalShell::TerminalShell()
{
    _pid = ::forkpty(&_terminal, nullptr, nullptr, nullptr);
    CPPUNIT_ASSERT(_pid >= 0);
    if (_pid > 0)
        return;
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setenv("TERM", "dumb", 1);
    ::setenv("PS1", "ready> ", 1);
    ::execl("/bin/bash", "bash", "--norc", "--noprofile", "-i", nullptr);
    ::_exit(127);
}

TerminalShell::~TerminalShell()
{
    ::close(_terminal);
    ::kill(_pid, SIGKILL);
    ::waitpid(_pid, nullptr, 0);
}

void TerminalShell::press(const std::string& keys)
{
    CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(keys.size()), ::write(_terminal, keys.data(), keys.size()));
}

void TerminalShell::waitFor(const std::string& text)
{
    const auto giveUp = LocalClock::now() + std::chrono::seconds{60};
    for (;;)
    {
        if (const auto at = _shown.find(text); at != std::string::npos)
        {
            _shown.erase(0, at + text.size());
            return;
        }
        CPPUNIT_ASSERT_MESSAGE("\"" + text + "\" is not in: " + _shown, LocalClock::now() < giveUp);
        pollfd ready{_terminal, POLLIN, 0};
        char buffer[4096];
        if (::poll(&ready, 1, 1000) > 0)
            if (const auto got = ::read(_terminal, buffer, sizeof buffer); got > 0)
                _shown.append(buffer, static_cast<std::size_t>(got));
    }
}

} // namespace Leasehold
