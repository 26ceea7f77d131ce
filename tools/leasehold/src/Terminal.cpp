#include "Terminal.h"

#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

/// SIGTTOU stops a background process that changes the terminal, unless it blocks the signal.
class NoStopByTerminal
{
public:
    NoStopByTerminal() noexcept
    {
        sigset_t stop;
        ::sigemptyset(&stop);
        ::sigaddset(&stop, SIGTTOU);
        ::pthread_sigmask(SIG_BLOCK, &stop, &_before);
    }
    ~NoStopByTerminal() { ::pthread_sigmask(SIG_SETMASK, &_before, nullptr); }
    NoStopByTerminal(const NoStopByTerminal&) = delete;
    NoStopByTerminal& operator=(const NoStopByTerminal&) = delete;

private:
    sigset_t _before{};
};

} // namespace

Terminal::Terminal() : _device(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY))
{
    termios modes{};
    if (_device && ::tcgetattr(_device.get(), &modes) == 0)
        _modes = modes;
}

bool Terminal::isOurs() const noexcept
{
    return _device && ::tcgetpgrp(_device.get()) == ::getpgrp();
}

bool Terminal::suitsCommand() const noexcept
{
    return isOurs() && ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
}

void Terminal::takeBack() noexcept
{
    if (!_device)
        return;
    const NoStopByTerminal quietly;
    ::tcsetpgrp(_device.get(), ::getpgrp());
}

void Terminal::restoreModes() noexcept
{
    if (!_device || !_modes)
        return;
    const NoStopByTerminal quietly;
    ::tcsetattr(_device.get(), TCSADRAIN, &*_modes);
}

void Terminal::giveTo(pid_t group) noexcept
{
    const Descriptor device(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    const NoStopByTerminal quietly;
    if (device)
        ::tcsetpgrp(device.get(), group);
}

} // namespace Leasehold::Tool
