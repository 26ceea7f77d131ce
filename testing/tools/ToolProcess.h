#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace Leasehold
{

/// A program that a test starts and watches: in a process group of its own, with nothing on its standard input and its output in
/// files. What still runs at the end is killed.
class ToolProcess
{
public:
    struct Options
    {
        std::string folder{};       ///< where its output goes
        int ignoredSignal = 0;      ///< is ignored from its start; 0: none
        bool capsOpenFiles = false; ///< it may open only two descriptors beside the standard ones
    };

    ToolProcess(const std::vector<std::string>& words, const Options& options);
    ~ToolProcess();
    ToolProcess(ToolProcess&& other) noexcept;
    ToolProcess(const ToolProcess&) = delete;
    ToolProcess& operator=(const ToolProcess&) = delete;
    ToolProcess& operator=(ToolProcess&&) = delete;

    pid_t pid() const noexcept { return _pid; }
    void signal(int number) const;

    /// The exit status as a shell gives it: 128 + n for signal n. Fails the test if it has not ended within a minute.
    int wait();
    bool hasEnded();

    /// Whether it is stopped, as Ctrl-Z does it.
    bool isStopped() const;

    std::string output() const;
    std::string errors() const;

private:
    std::string _base;
    pid_t _pid = -1;
    std::optional<int> _status;
};

std::string contentOf(const std::string& path);
void writeFile(const std::string& path, const std::string& content);
bool exists(const std::string& path);

/// The state letter of /proc/PID/stat; 'X': there is no such process.
char stateOf(pid_t pid);
/// The children of a process.
std::vector<pid_t> childrenOf(pid_t pid);

} // namespace Leasehold
