#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"

#include <functional>
#include <string>

#include <sys/types.h>

namespace Leasehold
{

/// A fork of the test that goes on in its code: for tests of forks, and for work under other rights or limits. All else is a ChildProcess.
/// It runs `work`, which must make its own stores, and exits, without destructors, with what `work` returns (with 1, and a line on stderr,
/// if `work` throws). The destructor kills it.
class LEASEHOLD_EXPORT ForkedChild
{
public:
    /// Forks. Throws std::system_error if that fails.
    explicit ForkedChild(const std::function<int()>& work);
    ~ForkedChild();
    ForkedChild(const ForkedChild&) = delete;
    ForkedChild& operator=(const ForkedChild&) = delete;

    /// Sends it a signal.
    void signal(int number) const;
    /// The exit status, or 128 + n if signal n ended it; throws std::runtime_error if it still runs after `limit`.
    int wait(Milliseconds limit = std::chrono::seconds{60});
    /// Returns when it is stopped (SIGSTOP).
    void waitUntilStopped() const;

private:
    pid_t _pid = -1;
};

/// Bytes between forked processes: one of them tells that it has come so far, the other waits for it.
class LEASEHOLD_EXPORT BytePipe
{
public:
    /// Throws std::system_error if the system makes no pipe.
    BytePipe();
    ~BytePipe();
    BytePipe(const BytePipe&) = delete;
    BytePipe& operator=(const BytePipe&) = delete;

    /// Sends one byte.
    void tell(unsigned char byte = 1) const;
    /// The next byte; throws std::runtime_error if there is none within a minute.
    unsigned char await() const;
    /// True if a byte is there.
    bool hasByte() const;

private:
    int _ends[2] = {-1, -1};
};

/// Returns what `work` returns in a ForkedChild, or "threw ...". Throws std::runtime_error unless the child ends within 30 s with status 0.
LEASEHOLD_EXPORT std::string inForkedChild(const std::function<std::string()>& work);

} // namespace Leasehold
