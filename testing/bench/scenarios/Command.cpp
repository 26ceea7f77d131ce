#include "Alternation.h"
#include "scenarios.h"

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Leasehold::Bench
{
namespace
{

/// The time from the start of a program to its end, without its output. It uses posix_spawn and not ChildProcess, whose fork would copy the
/// page tables of this large process and so add to the time.
void runToItsEnd(const std::vector<std::string>& command)
{
    std::vector<char*> arguments;
    for (const auto& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t silence;
    ::posix_spawn_file_actions_init(&silence);
    ::posix_spawn_file_actions_addopen(&silence, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, arguments[0], &silence, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&silence);
    if (error != 0)
        throw std::runtime_error("cannot run " + command[0] + ": " + std::strerror(error));
    int status = 0;
    if (::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error(command[0] + " failed, with status " + std::to_string(status));
}

} // namespace

/// Runs a command under a lock: `leasehold --store URL run NAME -- true`.
Result measureCommand(Setting& setting, StorageBench& bench)
{
    const std::vector<std::string> ours{
        LEASEHOLD_BENCH_TOOL, "--quiet", "--store", bench.preparedStorage(), "run", "nightly", "--", "true"};
    const std::vector<std::string> flock{"flock", setting.folder() + "/command.lock", "true"};
    const std::vector<std::string> bare{"true"};
    runToItsEnd(ours);

    const auto times = setting.pick<std::size_t>(1, 20);
    const auto line = [&](const char* what, const char* limitName, const std::vector<std::string>& limit)
    {
        return alternateOneByOne(
            setting, {.what = what, .unit = "ms", .limitName = limitName}, {.times = times}, [&] { runToItsEnd(ours); },
            [&] { runToItsEnd(limit); });
    };
    Result result;
    result.lines.push_back(line("`leasehold --store URL run NAME -- true`", "`flock FILE true`", flock));
    if (const auto target = bench.targets().command)
        result.lines.back().target = Target{Target::Bound::atMost, *target};
    result.lines.push_back(line("the same", "bare `true`", bare));
    result.lines.push_back(line("the same", "`leasehold --version`: the time to load the program", {LEASEHOLD_BENCH_TOOL, "--version"}));
    return result;
}

} // namespace Leasehold::Bench
