#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/Durations.h"

#include <cstddef>
#include <cstdio>
#include <string>

#include <sys/types.h>

namespace Leasehold::Bench
{

/// A process of its own that waits for locks (Waiter.cpp). Used by one thread at a time.
class WaiterProcess
{
public:
    /// Starts it; throws std::runtime_error if that fails.
    WaiterProcess(const std::string& url, const std::string& index);
    /// Lets it end, and waits for it.
    ~WaiterProcess();
    WaiterProcess(const WaiterProcess&) = delete;
    WaiterProcess& operator=(const WaiterProcess&) = delete;

    /// Returns when it has reached its store.
    void awaitReady();

    void wait(const std::string& name, Milliseconds limit);

    struct Answer
    {
        bool granted = false;
        LocalTime at{}; ///< by Clock::system(), which the processes of a host share
        std::size_t asked = 0;
    };
    /// To wait(). Throws std::runtime_error if the process has ended.
    Answer answer();

private:
    std::string readWord();

    pid_t _process = -1;
    std::FILE* _to = nullptr;
    std::FILE* _from = nullptr;
};

} // namespace Leasehold::Bench
