#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace Leasehold
{

/// How a ChildProcess is started. Set by name.
struct LEASEHOLD_EXPORT ChildOptions
{
    bool readsInput = true;   ///< its stdin is a pipe, for tell(); false: /dev/null
    bool writesToPipe = true; ///< its stdout is a pipe, for hear(); false: it is ours
    std::string outputFile{}; ///< its stdout is appended to this file instead
    std::string errorFile{};  ///< its stderr is appended to this file, which may be the same; empty: it is ours

    bool diesWithStarter = true; ///< SIGKILL when the *thread* that started it ends: start it on the main thread
    bool leadsGroup = false;     ///< it leads a process group of its own
    bool signalsGroup = false;   ///< signals go to the whole of that group

    std::optional<std::vector<std::string>> environment{}; ///< "NAME=VALUE"; none: ours
    std::string folder{};                                  ///< where it works; empty: where we do
    uid_t user = 0;                                        ///< 0: as ourselves
    gid_t group = 0;                                       ///< its only group, if `user` is not 0
    int ignoredSignal = 0;                                 ///< 0: none
    std::optional<unsigned> maximumDescriptor{};           ///< it may open no descriptor beyond this one
};

/// A program that a test runs as a process of its own. It inherits no descriptor but the three standard ones. The destructor kills it.
/// Not thread-safe. Every function throws Poco::RuntimeException, with the command in the message, if it cannot do its work in time.
class LEASEHOLD_EXPORT ChildProcess
{
public:
    /// Starts `command`, a program (looked up in PATH) and its arguments. Throws also if the program cannot be executed.
    explicit ChildProcess(std::vector<std::string> command, const ChildOptions& options = {});
    ~ChildProcess();
    ChildProcess(ChildProcess&& other) noexcept;            ///< `other` owns no process afterwards
    ChildProcess& operator=(ChildProcess&& other) noexcept; ///< ends this process as the destructor does
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// Its process id; -1: it owns no process.
    pid_t pid() const noexcept { return _pid; }

    /// Writes one line to its stdin.
    void tell(const std::string& line);
    /// Closes its stdin.
    void closeInput();
    /// Returns the next line of its stdout, without the line's end. Throws if its stdout ends, or if no line comes in time.
    std::string hear(Milliseconds limit = std::chrono::seconds{60});
    /// Returns all that it still writes to its stdout, when that ends.
    std::string hearAll(Milliseconds limit = std::chrono::seconds{60});

    /// Sends it a signal. Throws if it is known to have ended.
    void signal(int number);
    /// SIGSTOP; returns when all its threads have stopped.
    void pause();
    /// SIGCONT.
    void resume();
    /// SIGKILL, unless it has ended; returns when it is gone.
    void kill();

    /// Whether it has ended. Does not wait.
    bool hasEnded();
    /// Waits for its end. Returns its exit status, or 128 + n if signal n ended it.
    int wait(Milliseconds limit = std::chrono::seconds{60});

private:
    [[noreturn]] void fail(const std::string& what) const;
    /// Reads more of its stdout; false: it has ended.
    bool readMore(std::chrono::steady_clock::time_point deadline, Milliseconds limit);
    void reap(int status);
    void closeAll();

    std::vector<std::string> _command;
    bool _signalsGroup = false;
    pid_t _pid = -1;
    int _input = -1;
    int _output = -1;
    std::optional<int> _status; // once it was reaped
    std::string _heard;
};

} // namespace Leasehold
