#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace Leasehold
{

/// A process in a process group of its own that dies with the thread that started it. If we are root it runs as "nobody":
/// the engines refuse to run as root.
class ChildProcess
{
public:
    ChildProcess() = default;
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// stdout and stderr are appended to `log`; stdin is a pipe that stays open until the process is killed. Throws
    /// Poco::RuntimeException if it cannot be started.
    void start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, const std::string& folder,
               const std::string& log);

    pid_t pid() const { return _pid; }
    /// Reaps it if it has ended.
    bool isRunning();
    /// To the whole group.
    void signal(int number);
    /// SIGKILL to the whole group, and waits for the end.
    void kill();

private:
    void closeInput();

    pid_t _pid = -1;
    int _input = -1;
};

/// Gives a folder and all that is in it to the user that a ChildProcess runs as. Does nothing unless we are root.
void giveToChildUser(const std::string& folder);

/// Runs a program to its end and returns what it printed to stdout; its stderr is ours. Throws Poco::RuntimeException unless
/// it exits with 0.
std::string outputOf(const std::vector<std::string>& arguments);

} // namespace Leasehold
