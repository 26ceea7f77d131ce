#include "CommandStart.h"

#include "Descriptor.h"
#include "Terminal.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <utility>

namespace Leasehold::Tool
{

namespace
{

[[noreturn]] void becomeCommand(const CommandToRun& command, Fence fence, bool getsTerminal, pid_t parent, int report)
{
    ::setpgid(0, 0);
    if (getsTerminal)
        Terminal::giveTo(::getpid());
    ::setenv("LEASEHOLD_LOCK", command.lockName.c_str(), 1);
    ::setenv("LEASEHOLD_FENCE", std::to_string(fence).c_str(), 1);
    auto held = command.callers;
    held.add({command.store, command.location, command.lockName, fence});
    ::setenv(HeldLocks::variable, held.json().c_str(), 1);

    std::vector<char*> words;
    for (const auto& word : command.words)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);

    // If the guardian is killed, the command is killed too.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() != parent)
        ::_exit(EXIT_FAILURE);
    // POCO blocks SIGPIPE when it is loaded, and the guardian everything.
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvp(words[0], words.data());
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(report, &error, sizeof error); // if it fails, the exit status says the same
    ::_exit(error == ENOENT ? 127 : 126);
}

} // namespace

StartedCommand startCommand(const CommandToRun& command, Fence fence, bool getsTerminal)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return {-1, errno};
    Descriptor outcome(ends[0]);
    const Descriptor write(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
        return {-1, errno};
    if (child == 0)
        becomeCommand(command, fence, getsTerminal, parent, write.get());
    ::setpgid(child, child); // both processes do this: signals may be forwarded from here on
    return {child, 0, std::move(outcome)};
}

int outcomeOfExec(const Descriptor& outcome)
{
    int error = 0;
    ssize_t got = 0;
    do
        got = ::read(outcome.get(), &error, sizeof error);
    while (got < 0 && errno == EINTR);
    return got == sizeof error ? error : 0;
}

} // namespace Leasehold::Tool
