#pragma once

#include "Leasehold/Durations.h"

#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// A program that runs as a user would start it; what it prints is collected. It is killed if it still runs when this goes.
/// Used by one thread.
class SampleRun
{
public:
    SampleRun(const std::string& program, const std::vector<std::string>& arguments);
    ~SampleRun();
    SampleRun(const SampleRun&) = delete;
    SampleRun& operator=(const SampleRun&) = delete;

    /// True as soon as it has printed `text`; false if it has not within `limit`.
    [[nodiscard]] bool says(const std::string& text, Milliseconds limit = std::chrono::seconds{30});

    /// Waits for its end and returns its exit status; -1, and kills it, if it does not end within `limit`.
    int exitStatus(Milliseconds limit = std::chrono::minutes{2});

    /// What it has printed so far, on stdout and stderr.
    std::string output() const;

    int pid() const;

private:
    struct State;
    std::unique_ptr<State> _state;
};

} // namespace Leasehold
