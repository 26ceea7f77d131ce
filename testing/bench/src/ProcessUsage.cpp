#include "ProcessUsage.h"

#include <ctime>
#include <fstream>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace Leasehold::Bench
{

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

} // namespace Leasehold::Bench
