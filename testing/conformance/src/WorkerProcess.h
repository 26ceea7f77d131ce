#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace Leasehold
{

/// A process that runs this very program as a worker of the kit (see runConformanceWorker), in a process group of its own.
/// Destroying it kills the group.
class WorkerProcess
{
public:
    /// `prefix` stands before the program in the command. Throws std::runtime_error if it cannot be started.
    WorkerProcess(const std::vector<std::string>& prefix, const std::vector<std::string>& arguments);
    ~WorkerProcess();
    WorkerProcess(WorkerProcess&& other) noexcept;
    WorkerProcess& operator=(WorkerProcess&& other) noexcept;

    void signal(int number) const;
    /// SIGKILL, and waits for the end.
    void kill();
    /// The exit status, or 128 + the signal; -1 if it does not end within 60 s.
    int wait();
    bool hasEnded();

private:
    pid_t _process = -1;
    int _status = -1;
};

} // namespace Leasehold
