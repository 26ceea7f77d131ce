#include "Guardian.h"

#include "Descendants.h"
#include "GuardianDuty.h"
#include "SystemError.h"

#include <cerrno>
#include <csignal>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold::Tool
{

Guardian::Guardian(const CommandToRun& command)
{
    requireVisibleProcesses();
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        throwSystemError("cannot make a socket to the guardian");
    Descriptor ours(ends[0]);
    Descriptor its(ends[1]);

    // If the guardian is killed, this process becomes the parent of the guarded processes.
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        throwSystemError("cannot become the reaper of the command's processes (prctl)");
    _pid = ::fork();
    if (_pid < 0)
        throwSystemError("cannot fork the guardian");
    if (_pid == 0)
    {
        ours.close();
        ::setpgid(0, 0);
        GuardianDuty(std::move(its), command).run();
        ::_exit(0);
    }
    ::setpgid(_pid, _pid);
    _socket = std::move(ours);
}

Guardian::~Guardian()
{
    _socket.close();
    while (::waitpid(_pid, nullptr, 0) < 0 && errno == EINTR)
    {
    }
}

} // namespace Leasehold::Tool
