#include "ContenderProcess.h"
#include "millisecondsBetween.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"
#include "Leasehold/LockMetrics.h"

#include <algorithm>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold::Bench
{
namespace
{

void addTimes(Result& result, const std::string& what, const std::vector<double>& milliseconds, std::optional<double> medianAtMost = {})
{
    Line median{.what = what + ": median", .unit = "ms", .ours = spreadOf({quantile(milliseconds, 0.5)})};
    if (medianAtMost)
        median.target = Target{Target::Bound::atMost, *medianAtMost, Target::Of::ours};
    result.lines.push_back(std::move(median));
    result.lines.push_back({.what = what + ": p99", .unit = "ms", .ours = spreadOf({quantile(milliseconds, 0.99)})});
}

} // namespace

/// The time from the call of release to the return of an acquire that waits in another thread of the process.
Result measureThreadHandOver(Setting& setting, StorageBench& bench)
{
    const auto url = bench.preparedStorage();
    const auto metrics = std::make_shared<LockMetrics>();
    LockManagerService locks(openStore(url), {}, {.observers = {metrics}});
    std::mt19937 random(1);
    std::vector<double> times;
    for (int i = 0; i < setting.pick(2, 200); ++i)
    {
        auto held = locks.acquire("handed over");
        LocalTime grantedAt{};
        const auto waitedBefore = metrics->snapshot().waited;
        std::jthread waiter(
            [&]
            {
                auto mine = locks.acquire("handed over", {.wait = forever});
                grantedAt = LocalClock::now();
                mine.release();
            });
        while (metrics->snapshot().waited == waitedBefore)
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        std::this_thread::sleep_for(Milliseconds(random() % 20));
        const auto releasedAt = LocalClock::now();
        held.release();
        waiter.join();
        times.push_back(millisecondsBetween(releasedAt, grantedAt));
    }

    const auto client = bench.bareClient(url, "bare");
    std::vector<double> pairs;
    for (int i = 0; i < setting.pick(2, 200); ++i)
    {
        const auto began = LocalClock::now();
        client->pair();
        pairs.push_back(millisecondsBetween(began, LocalClock::now()));
    }
    Result result;
    addTimes(result, "from a release to the grant of a waiting thread", times);
    addTimes(result, "for comparison, acquire + release (" + bench.bareName() + ")", pairs);
    return result;
}

/// The time from the call of release to the return of an acquire that waits in another process.
Result measureProcessHandOver(Setting& setting, StorageBench& bench)
{
    const auto url = bench.preparedStorage();
    ContenderProcess waiter(url);
    waiter.awaitReady();
    LockManagerService locks(openStore(url));
    std::mt19937 random(1);
    std::vector<double> times;
    for (int i = 0; i < setting.pick(2, 24); ++i)
    {
        auto held = locks.acquire("passed", {.wait = std::chrono::seconds(10)});
        waiter.wait("passed", std::chrono::minutes(1));
        std::this_thread::sleep_for(Milliseconds(setting.pick(50U, 500 + static_cast<unsigned>(random()) % 1500)));
        const auto releasedAt = LocalClock::now();
        held.release();
        const auto waited = waiter.waited();
        if (!waited.granted)
            throw std::runtime_error("a process waited a minute for a lock that was free");
        times.push_back(millisecondsBetween(releasedAt, waited.at));
    }
    Result result;
    addTimes(result, "from a release to the grant of a waiting process", times, bench.targets().handOver);
    result.notes.emplace_back("the lock is held for 0.5 to 2 s before its release; the processes use the usual wait policy");
    return result;
}

} // namespace Leasehold::Bench
