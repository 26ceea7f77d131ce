#include "Alternation.h"
#include "scenarios.h"

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold::Bench
{
namespace
{

/// From the start of a program to its end, in milliseconds.
double timeOf(const std::vector<std::string>& command)
{
    std::vector<char*> arguments;
    for (const auto& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const auto began = std::chrono::steady_clock::now();
    pid_t child = 0;
    if (const int error = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ); error != 0)
        throw std::runtime_error("cannot run " + command[0] + ": " + std::strerror(error));
    int status = 0;
    if (::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error(command[0] + " failed, with status " + std::to_string(status));
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
}

} // namespace

Result measureCommand(Setting& setting)
{
    const std::vector<std::string> ours{
        LEASEHOLD_BENCH_TOOL, "--quiet", "--store", "sqlite://" + setting.folder() + "/command.db", "run", "nightly", "--", "true"};
    const std::vector<std::string> flock{"flock", setting.folder() + "/command.lock", "true"};
    const std::vector<std::string> bare{"true"};
    // A median of several in each turn: a start that the scheduler held up says nothing about either.
    const auto median = [&](const std::vector<std::string>& command)
    {
        std::vector<double> times;
        for (int i = 0; i < setting.pick(1, 11); ++i)
            times.push_back(timeOf(command));
        return spreadOf(times).median;
    };
    timeOf(ours);

    Result result;
    result.lines.push_back(alternate(
        setting,
        {.what = "`leasehold --store sqlite://... run NAME -- true`",
         .unit = "ms",
         .limitName = "`flock FILE true`",
         .target = Target{Target::Bound::atMost, 3}},
        [&] { return median(ours); }, [&] { return median(flock); }));
    result.lines.push_back(alternate(
        setting, {.what = "the same", .unit = "ms", .limitName = "bare `true`"}, [&] { return median(ours); },
        [&] { return median(bare); }));
    return result;
}

} // namespace Leasehold::Bench
