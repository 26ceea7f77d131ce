#include "ProcessUsage.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace Leasehold::Bench
{
namespace
{

struct ProcessTimes
{
    pid_t parent = 0;
    double cpuSeconds = 0; ///< its own, and that of its children which have ended
};

/// nullopt: the process has ended.
std::optional<ProcessTimes> timesOf(const std::filesystem::path& folder)
{
    std::ifstream file(folder / "stat");
    std::string line;
    std::getline(file, line);
    const auto nameEnd = line.rfind(')'); // the name may contain spaces and parentheses
    if (nameEnd == std::string::npos)
        return std::nullopt;
    std::istringstream fields(line.substr(nameEnd + 1));
    ProcessTimes times;
    std::string skipped;
    fields >> skipped >> times.parent; // the fields 3 and 4 of proc(5)
    for (int field = 5; field < 14; ++field)
        fields >> skipped;
    for (int field = 14; field < 18; ++field) // utime, stime, cutime, cstime
    {
        double ticks = 0;
        fields >> ticks;
        times.cpuSeconds += ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
    return fields ? std::optional(times) : std::nullopt;
}

} // namespace

ProcessUsage usageOf(pid_t process)
{
    const auto pid = process == 0 ? ::getpid() : process;
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
        throw std::runtime_error("cannot read the processor time of process " + std::to_string(pid));
    ProcessUsage usage;
    usage.cpuSeconds = static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;

    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string key; status >> key;)
    {
        double value = 0;
        if (key == "VmRSS:" && status >> value)
            usage.residentMiB = value / 1024;
        if (key == "Threads:")
            status >> usage.threads;
        std::string rest;
        std::getline(status, rest);
    }
    if (usage.threads == 0)
        throw std::runtime_error("cannot read the threads of process " + std::to_string(pid));
    return usage;
}

double cpuSecondsOfTree(pid_t root)
{
    std::map<pid_t, ProcessTimes> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc"))
    {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") == std::string::npos)
            if (const auto times = timesOf(entry.path()))
                all.emplace(static_cast<pid_t>(std::stol(name)), *times);
    }
    if (!all.contains(root))
        throw std::runtime_error("there is no process " + std::to_string(root));
    const auto belongs = [&](pid_t process)
    {
        while (process != root && all.contains(process))
            process = all.at(process).parent;
        return process == root;
    };
    double seconds = 0;
    for (const auto& [process, times] : all)
        seconds += belongs(process) ? times.cpuSeconds : 0;
    return seconds;
}

} // namespace Leasehold::Bench
