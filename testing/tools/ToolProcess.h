#pragma once

#include "Leasehold/ChildProcess.h"

#include <string>
#include <vector>

namespace Leasehold
{

/// A program that a test starts as a user does: in its own process group, with an empty standard input and its output in files. The
/// destructor kills only this process; its guardian kills the others.
class ToolProcess
{
public:
    struct Options
    {
        std::string folder{};       ///< of the files with its output
        int ignoredSignal = 0;      ///< a signal that it ignores from the start; 0: none
        bool capsOpenFiles = false; ///< it may open only two descriptors beside the standard ones
    };

    ToolProcess(const std::vector<std::string>& words, const Options& options);

    pid_t pid() const noexcept { return _process.pid(); }
    void signal(int number) { _process.signal(number); }

    /// The exit status as a shell gives it: 128 + n for signal n. Fails the test if it has not ended within a minute.
    int wait();
    /// Fails the test, with its errors, unless it ends with this status within a minute.
    void requireExit(int status);
    bool hasEnded() { return _process.hasEnded(); }

    /// Whether it is stopped, as Ctrl-Z does it.
    bool isStopped() const;

    std::string output() const;
    std::string errors() const;

private:
    ToolProcess(const std::vector<std::string>& words, const Options& options, std::string base);

    std::string _base;
    ChildProcess _process;
};

std::string contentOf(const std::string& path);
void writeFile(const std::string& path, const std::string& content);
bool exists(const std::string& path);

/// The state letter of /proc/PID/stat; 'X': there is no such process.
char stateOf(pid_t pid);
/// The children of a process.
std::vector<pid_t> childrenOf(pid_t pid);

} // namespace Leasehold
