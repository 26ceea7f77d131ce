#include "ContenderProcess.h"
#include "millisecondsBetween.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace Leasehold::Bench
{
namespace
{

using Processes = std::vector<std::unique_ptr<ContenderProcess>>;

Processes start(std::size_t count, const std::string& url)
{
    Processes processes;
    for (std::size_t number = 0; number < count; ++number)
        processes.push_back(std::make_unique<ContenderProcess>(url));
    for (const auto& process : processes)
        process->awaitReady();
    return processes;
}

void waitAll(const Processes& processes, Milliseconds limit)
{
    for (const auto& process : processes)
        process->wait("wanted", limit);
}

/// The number of requests of processes that wait so long for a lock that stays held.
double requestsWithin(const Processes& processes, Milliseconds limit)
{
    waitAll(processes, limit);
    double asked = 0;
    for (const auto& process : processes)
    {
        const auto waited = process->waited();
        if (waited.granted)
            throw std::runtime_error("a process got a lock that is held");
        asked += static_cast<double>(waited.asked);
    }
    return asked;
}

} // namespace

/// Many processes wait for one lock: the requests that this costs, and the time until each has had it after its release. Forty, because a
/// server may accept only a hundred connections.
Result measureWaiters(Setting& setting, StorageBench& bench)
{
    const auto url = bench.preparedStorage();
    const auto count = setting.pick<std::size_t>(2, 40);
    const auto processes = start(count, url);
    LockManagerService locks(openStore(url));
    auto held = locks.acquire("wanted");

    const auto brief = setting.pick(Milliseconds(20), Milliseconds(2000)), lasting = setting.pick(Milliseconds(50), Milliseconds(20'000));
    const double inBrief = requestsWithin(processes, brief), inLasting = requestsWithin(processes, lasting);
    const auto secondsOf = [](Milliseconds span) { return std::chrono::duration<double>(span).count(); };
    Result result;
    const auto which = std::to_string(count) + " processes that wait for one lock: requests in ";
    result.lines.push_back(
        {.what = which + "the first " + formatDuration(brief), .unit = "per second", .ours = spreadOf({inBrief / secondsOf(brief)})});
    result.lines.push_back({.what = which + "the " + formatDuration(lasting - brief) + " after it",
                            .unit = "per second",
                            .ours = spreadOf({std::max(inLasting - inBrief, 0.0) / secondsOf(lasting - brief)})});

    waitAll(processes, std::chrono::minutes(2));
    std::this_thread::sleep_for(brief);
    const auto releasedAt = LocalClock::now();
    held.release();
    auto firstAt = LocalTime::max(), lastAt = LocalTime::min();
    for (const auto& process : processes)
    {
        const auto waited = process->waited();
        if (!waited.granted)
            throw std::runtime_error("a process waited two minutes for a lock that others release at once");
        firstAt = std::min(firstAt, waited.at);
        lastAt = std::max(lastAt, waited.at);
    }
    result.lines.push_back(
        {.what = "from its release to the first grant", .unit = "ms", .ours = spreadOf({millisecondsBetween(releasedAt, firstAt)})});
    result.lines.push_back({.what = "from its release until each process has had it",
                            .unit = "ms",
                            .ours = spreadOf({millisecondsBetween(releasedAt, lastAt)})});
    return result;
}

} // namespace Leasehold::Bench
