#pragma once

#include "Leasehold/Durations.h"

#include <functional>
#include <sys/types.h>

namespace Leasehold
{

/// A process forked from the test: runs `work`, which must make stores of its own, and exits with what it returns (1, and a line
/// on stderr, if it throws). Killed if it still runs at the end.
class ChildProcess
{
public:
    explicit ChildProcess(const std::function<int()>& work);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    void signal(int number) const;
    /// The exit status, or 128 + n if signal n ended it; throws std::runtime_error if it still runs after `limit`.
    int wait(Milliseconds limit = std::chrono::seconds{60});
    /// Returns when it is stopped (SIGSTOP).
    void waitUntilStopped() const;

private:
    pid_t _pid = -1;
};

/// Bytes between processes: one end tells that it has come so far, the other waits for it.
class Pipe
{
public:
    Pipe();
    ~Pipe();
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    void tell(unsigned char byte = 1) const;
    /// The next byte; throws std::runtime_error if there is none within a minute.
    unsigned char await() const;
    /// True if a byte is there.
    bool hasByte() const;

private:
    int _ends[2] = {-1, -1};
};

} // namespace Leasehold
