#pragma once

#include "Leasehold/ChildProcess.h"

#include <Poco/TemporaryFile.h>

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
    /// Asks it by SIGTERM to end, so that it can end what it has started itself.
    ~SampleRun();

    /// True as soon as it has printed `text`; false if it has not within `limit`.
    [[nodiscard]] bool says(const std::string& text, Milliseconds limit = std::chrono::seconds{30});

    /// Waits for its end and returns its exit status; -1, and kills it, if it does not end within `limit`.
    int exitStatus(Milliseconds limit = std::chrono::minutes{2});

    /// Fail the test, with what it has printed until then, unless it prints `text` or ends with `status`.
    void requireSays(const std::string& text);
    void requireExit(int status);

    /// What it has printed so far, on stdout and stderr.
    std::string output() const;

    pid_t pid() const { return _process.pid(); }

private:
    Poco::TemporaryFile _printed;
    ChildProcess _process;
};

} // namespace Leasehold
