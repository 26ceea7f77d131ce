#include "Alternation.h"
#include "CountingLockStore.h"
#include "ThreadCrew.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"
#include "Leasehold/LockMetrics.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold::Bench
{

/// One lock that all threads acquire at once and release immediately. The raw side follows Kibana's lock manager: each caller polls the
/// storage itself; here without pauses, which gives it the maximum number of grants.
Result measureContention(Setting& setting, StorageBench& bench)
{
    const auto url = bench.preparedStorage();
    const auto threads = setting.pick<std::size_t>(2, 16);
    const auto store = std::make_shared<CountingLockStore>(openStore(url));
    const auto metrics = std::make_shared<LockMetrics>();
    LockManagerService locks(store, {}, {.observers = {metrics}});
    const Seconds slice = setting.slice() * 2;
    const auto ours = [&] {
        return crewRate(threads, slice, [&](std::size_t) { locks.acquire("wanted", {.wait = std::chrono::minutes(1)}).release(); })
            .perSecond;
    };

    std::vector<std::unique_ptr<BareClient>> racers;
    for (std::size_t number = 0; number < threads; ++number)
        racers.push_back(bench.bareClient(url, "raced"));
    std::atomic<std::size_t> refusals{0};
    const auto polling = [&]
    {
        std::atomic<std::size_t> grants{0};
        crewRate(threads, slice, [&](std::size_t number) { ++(racers[number]->pair() ? grants : refusals); });
        return static_cast<double>(grants) / slice.count();
    };
    ours(), polling();
    refusals = 0;

    Result result;
    result.lines.push_back(alternate(setting,
                                     {.what = std::to_string(threads) + " threads that want one lock",
                                      .unit = "grants/s",
                                      .limitName = std::to_string(threads) + " bare clients that ask again and again",
                                      .target = bench.targets().contention},
                                     ours, polling));
    result.notes.push_back(
        "refusals that the storage answered to the bare clients, per second: " +
        std::to_string(static_cast<long>(static_cast<double>(refusals) / (slice.count() * static_cast<double>(setting.repetitions())))));

    const auto alone = bench.bareClient(url, "alone");
    result.lines.push_back(alternate(setting, {.what = "the same", .unit = "grants/s", .limitName = "one bare client, alone"}, ours,
                                     [&] { return rateOf(setting.slice(), 1, [&] { alone->pair(); }); }));
    result.notes.push_back("ours: " + std::to_string(metrics->snapshot().acquired) + " grants, for which the storage was called " +
                           std::to_string(store->otherCalls()) + " times");
    return result;
}

} // namespace Leasehold::Bench
