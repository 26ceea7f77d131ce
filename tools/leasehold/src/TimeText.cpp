#include "TimeText.h"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace Leasehold::Tool
{

namespace
{

std::tm brokenDown(std::time_t time)
{
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    return parts;
}

std::string formatted(const std::tm& parts, const char* format)
{
    char text[64];
    return {text, std::strftime(text, sizeof text, format, &parts)};
}

} // namespace

std::string timeText(StorageTime time)
{
    const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    const auto then = brokenDown(seconds);
    const auto today = brokenDown(std::time(nullptr));
    const bool isToday = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
    return formatted(then, isToday ? "%H:%M:%S UTC" : "%Y-%m-%d %H:%M:%S UTC");
}

std::string utcText(StorageTime time)
{
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    char fraction[8];
    std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>((time - whole).count()));
    return formatted(brokenDown(std::chrono::system_clock::to_time_t(whole)), "%Y-%m-%dT%H:%M:%S") + fraction;
}

std::string secondsText(Milliseconds duration)
{
    const long long ms = duration.count();
    char text[64];
    if (ms < 60'000)
        std::snprintf(text, sizeof text, "%lld.%llds", ms / 1000, ms % 1000 / 100);
    else if (ms < 3'600'000)
        std::snprintf(text, sizeof text, "%lldm %llds", ms / 60'000, ms % 60'000 / 1000);
    else if (ms < 86'400'000)
        std::snprintf(text, sizeof text, "%lldh %lldm", ms / 3'600'000, ms % 3'600'000 / 60'000);
    else
        std::snprintf(text, sizeof text, "%lldd %lldh", ms / 86'400'000, ms % 86'400'000 / 3'600'000);
    return text;
}

} // namespace Leasehold::Tool
