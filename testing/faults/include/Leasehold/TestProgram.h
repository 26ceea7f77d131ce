#pragma once

#include "Leasehold/Durations.h"

#include <string>
#include <vector>

#include <sys/types.h>

namespace Leasehold
{

/// A program of the tests as a process of its own: spoken to over its stdin and stdout, line by line; its stderr is ours. It dies
/// with the thread that started it, so start it on the main thread. Not thread-safe. Everything throws Poco::RuntimeException
/// for what should not happen, with the command in the message.
class TestProgram
{
public:
    /// Starts `command`: the path of a program and its arguments.
    explicit TestProgram(std::vector<std::string> command);
    /// SIGKILL, if it still runs.
    ~TestProgram();
    TestProgram(const TestProgram&) = delete;
    TestProgram& operator=(const TestProgram&) = delete;

    pid_t pid() const noexcept { return _pid; }

    /// One line to its stdin.
    void tell(const std::string& line);
    /// The next line of its stdout, without the line's end. Throws if it ends, or nothing comes in time.
    std::string hear(Milliseconds limit = std::chrono::seconds{60});
    /// Ends its stdin.
    void closeInput();

    /// SIGSTOP; returns when it has stopped.
    void pause();
    /// SIGCONT.
    void resume();
    /// SIGKILL; returns when it is gone.
    void kill();
    /// Waits for its end. Its exit status, or 128 + the signal that ended it.
    int wait(Milliseconds limit = std::chrono::seconds{60});

private:
    void signal(int number);

    std::vector<std::string> _command;
    pid_t _pid = -1;
    int _input = -1;
    int _output = -1;
    int _status = 0; // once it was reaped
    std::string _heard;
};

} // namespace Leasehold
