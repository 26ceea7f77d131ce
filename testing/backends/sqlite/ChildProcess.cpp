#include "ChildProcess.h"

#include "Leasehold/waitUntil.h"
#include "endForkedChild.h"

#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace Leasehold
{

ChildProcess::ChildProcess(const std::function<int()>& work) : _pid(::fork())
{
    if (_pid < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (_pid > 0)
        return;
    int status = 1;
    try
    {
        status = work();
    }
    catch (const std::exception& error)
    {
        std::cerr << "child process: " << error.what() << std::endl;
    }
    endForkedChild(status);
}

ChildProcess::~ChildProcess()
{
    if (_pid <= 0)
        return;
    ::kill(_pid, SIGKILL);
    ::waitpid(_pid, nullptr, 0);
}

void ChildProcess::signal(int number) const
{
    if (::kill(_pid, number) != 0)
        throw std::system_error(errno, std::generic_category(), "kill");
}

int ChildProcess::wait(Milliseconds limit)
{
    int status = 0;
    if (!waitUntil([&] { return ::waitpid(_pid, &status, WNOHANG) == _pid; }, limit))
        throw std::runtime_error("the child process still runs");
    _pid = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void ChildProcess::waitUntilStopped() const
{
    int status = 0;
    if (!waitUntil([&] { return ::waitpid(_pid, &status, WNOHANG | WUNTRACED) == _pid && WIFSTOPPED(status); }))
        throw std::runtime_error("the child process does not stop");
}

Pipe::Pipe()
{
    if (::pipe(_ends) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
}

Pipe::~Pipe()
{
    ::close(_ends[0]);
    ::close(_ends[1]);
}

void Pipe::tell(unsigned char byte) const
{
    if (::write(_ends[1], &byte, 1) != 1)
        throw std::system_error(errno, std::generic_category(), "write to a pipe");
}

unsigned char Pipe::await() const
{
    pollfd ready{.fd = _ends[0], .events = POLLIN, .revents = 0};
    unsigned char byte = 0;
    if (::poll(&ready, 1, 60'000) != 1 || ::read(_ends[0], &byte, 1) != 1)
        throw std::runtime_error("nothing came through the pipe");
    return byte;
}

bool Pipe::hasByte() const
{
    pollfd ready{.fd = _ends[0], .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 0) == 1;
}

} // namespace Leasehold
