#include "Machine.h"

#include <Poco/Environment.h>

#include <ctime>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <thread>

namespace Leasehold::Bench
{
namespace
{

/// The value of the first line of `file` that begins with `key`.
std::string valueIn(const char* file, const std::string& key)
{
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);)
    {
        if (line.rfind(key, 0) != 0)
            continue;
        auto value = line.substr(key.size());
        value.erase(0, value.find_first_not_of(" \t:=\""));
        value.erase(value.find_last_not_of(" \"") + 1);
        return value;
    }
    return "unknown";
}

std::string memory()
{
    std::istringstream text(valueIn("/proc/meminfo", "MemTotal"));
    double kibibytes = 0;
    text >> kibibytes;
    std::ostringstream result;
    result << std::fixed << std::setprecision(0) << kibibytes / 1024 / 1024 << " GiB";
    return result.str();
}

std::string now()
{
    const std::time_t time = std::time(nullptr);
    std::ostringstream text;
    text << std::put_time(std::gmtime(&time), "%Y-%m-%d %H:%M UTC");
    return text.str();
}

} // namespace

std::string loadAverages()
{
    std::ifstream file("/proc/loadavg");
    std::string one, five, fifteen;
    file >> one >> five >> fifteen;
    return one + " " + five + " " + fifteen;
}

std::vector<std::pair<std::string, std::string>> machineFacts()
{
    return {
        {"when", now()},
        {"processor", valueIn("/proc/cpuinfo", "model name") + ", " + std::to_string(std::thread::hardware_concurrency()) + " cores"},
        {"memory", memory()},
        {"system", valueIn("/etc/os-release", "PRETTY_NAME") + ", Linux " + Poco::Environment::osVersion()},
        {"load at the start (1, 5, 15 min)", loadAverages()},
        {"compiler", LEASEHOLD_BENCH_COMPILER},
        {"Leasehold", LEASEHOLD_BENCH_VERSION},
        {"POCO", LEASEHOLD_BENCH_POCO},
    };
}

} // namespace Leasehold::Bench
