#pragma once

#include "Leasehold/ChildProcess.h"
#include "Leasehold/TimeSource.h"

#include <cstddef>
#include <sstream>
#include <stdexcept>
#include <string>

namespace Leasehold::Bench
{

/// A child process that wants locks (Contender.cpp). Made on the main thread, used by one thread at a time.
class ContenderProcess
{
public:
    /// Starts it; throws Poco::RuntimeException if that fails.
    explicit ContenderProcess(const std::string& url) : _process({LEASEHOLD_BENCH_CONTENDER, url}) {}

    /// Returns when the process has prepared its store.
    void awaitReady() { _process.hear(); }

    /// Waits so long for the lock, and releases it at once. waited() returns the outcome.
    void wait(const std::string& name, Milliseconds limit) { _process.tell("wait " + name + " " + std::to_string(limit.count())); }

    struct Waited
    {
        bool granted = false;
        LocalTime at{}; ///< by LocalClock, which the processes of a host share
        std::size_t asked = 0;
    };
    Waited waited()
    {
        auto answer = hear();
        std::string word;
        LocalClock::rep at = 0;
        Waited waited;
        answer >> word >> at >> waited.asked;
        waited.granted = word == "granted";
        waited.at = LocalTime(LocalClock::duration(at));
        return waited;
    }

    /// For `span`, acquires the lock again and again and holds it for `work`. looped() returns the outcome.
    void loop(const std::string& name, Milliseconds span, Milliseconds work)
    {
        _process.tell("loop " + name + " " + std::to_string(span.count()) + " " + std::to_string(work.count()));
    }

    struct Looped
    {
        double grants = 0, longestWaitMs = 0;
    };
    Looped looped()
    {
        auto answer = hear();
        std::string word;
        Looped looped;
        if (!(answer >> word >> looped.grants >> looped.longestWaitMs))
            throw std::runtime_error("a contender answered: " + answer.str());
        return looped;
    }

private:
    /// Throws Poco::RuntimeException if the process has ended.
    std::istringstream hear() { return std::istringstream(_process.hear(std::chrono::minutes(5))); }

    ChildProcess _process;
};

} // namespace Leasehold::Bench
