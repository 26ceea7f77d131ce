#include "Leasehold/ForkedChild.h"

#include "Leasehold/waitUntil.h"

#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern "C" void __gcov_dump() __attribute__((weak)); // NOLINT(bugprone-reserved-identifier): gcov named it

namespace Leasehold
{
namespace
{

/// Ends the process without destructors, which would act on the parent's objects. Writes the coverage counters if coverage is measured. For
/// that it regains the rights that it gave up, if it kept them as saved ids, because the files belong to the parent's user.
[[noreturn]] void endForkedChild(int status)
{
    if (__gcov_dump) // only the preset `coverage` links it in
    {
        uid_t real = 0, effective = 0, kept = 0;
        if (::getresuid(&real, &effective, &kept) == 0 && kept != effective && ::seteuid(kept) != 0)
            status = 1;
        __gcov_dump();
    }
    ::_exit(status);
}

} // namespace

ForkedChild::ForkedChild(const std::function<int()>& work) : _pid(::fork())
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

ForkedChild::~ForkedChild()
{
    if (_pid <= 0)
        return;
    ::kill(_pid, SIGKILL);
    ::waitpid(_pid, nullptr, 0);
}

void ForkedChild::signal(int number) const
{
    if (::kill(_pid, number) != 0)
        throw std::system_error(errno, std::generic_category(), "kill");
}

int ForkedChild::wait(Milliseconds limit)
{
    int status = 0;
    if (!waitUntil([&] { return ::waitpid(_pid, &status, WNOHANG) == _pid; }, limit))
        throw std::runtime_error("the child process still runs");
    _pid = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void ForkedChild::waitUntilStopped() const
{
    int status = 0;
    if (!waitUntil([&] { return ::waitpid(_pid, &status, WNOHANG | WUNTRACED) == _pid && WIFSTOPPED(status); }))
        throw std::runtime_error("the child process does not stop");
}

BytePipe::BytePipe()
{
    if (::pipe(_ends) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
}

BytePipe::~BytePipe()
{
    ::close(_ends[0]);
    ::close(_ends[1]);
}

void BytePipe::tell(unsigned char byte) const
{
    if (::write(_ends[1], &byte, 1) != 1)
        throw std::system_error(errno, std::generic_category(), "write to a pipe");
}

unsigned char BytePipe::await() const
{
    pollfd ready{.fd = _ends[0], .events = POLLIN, .revents = 0};
    unsigned char byte = 0;
    if (::poll(&ready, 1, 60'000) != 1 || ::read(_ends[0], &byte, 1) != 1)
        throw std::runtime_error("nothing came through the pipe");
    return byte;
}

bool BytePipe::hasByte() const
{
    pollfd ready{.fd = _ends[0], .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 0) == 1;
}

std::string inForkedChild(const std::function<std::string()>& work)
{
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    ForkedChild child(
        [&]
        {
            ::alarm(30);
            std::string said;
            try
            {
                said = work();
            }
            catch (const std::exception& error)
            {
                said = std::string("threw ") + error.what();
            }
            return ::write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1;
        });
    ::close(ends[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        said.append(buffer, static_cast<std::size_t>(got));
    ::close(ends[0]);
    if (const int status = child.wait(); status != 0)
        throw std::runtime_error("the child ended with status " + std::to_string(status) + " and said: " + said);
    return said;
}

} // namespace Leasehold
