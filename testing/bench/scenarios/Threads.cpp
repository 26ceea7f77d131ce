#include "Alternation.h"
#include "ThreadCrew.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"

#include <iterator>
#include <string>
#include <vector>

namespace Leasehold::Bench
{

/// Compares the threads of one process, whose calls may share requests, with bare clients that send a request for each call.
Result measureThreads(Setting& setting, StorageBench& bench)
{
    const auto url = bench.preparedStorage();
    LockManagerService locks(openStore(url));

    Result result;
    Plot rates{"threads-rate",
               "Pairs of acquire and release a second over threads",
               "threads",
               "pairs/s",
               true,
               false,
               {{"Leasehold", {}}, {"bare clients", {}}}};
    Plot times{"threads-latency", "Time of acquire + release over threads", "threads", "ms", true, true, {{"median", {}}, {"p99", {}}}};
    for (const auto& [usualThreads, target] : bench.targets().threads)
    {
        const auto threads = setting.pick<std::size_t>(2, usualThreads);
        std::vector<std::string> names;
        for (std::size_t number = 0; number < threads; ++number)
            names.push_back("job/" + std::to_string(number));
        std::vector<double> milliseconds;
        const auto ours = [&]
        {
            auto outcome = crewRate(threads, setting.slice(), [&](std::size_t number) { locks.acquire(names[number]).release(); });
            std::move(outcome.milliseconds.begin(), outcome.milliseconds.end(), std::back_inserter(milliseconds));
            return outcome.perSecond;
        };
        const auto load = bench.bareLoad(setting, url, threads);
        const auto bare = [&] { return load->pairsPerSecond(setting.slice()); };
        ours(), bare();
        milliseconds.clear();
        auto line = alternate(setting,
                              {.what = std::to_string(threads) + " threads on distinct names",
                               .unit = "pairs/s",
                               .limitName = load->name(),
                               .target = target},
                              ours, bare);
        rates.curves[0].points.emplace_back(threads, line.ours.median);
        rates.curves[1].points.emplace_back(threads, line.limit->median);
        times.curves[0].points.emplace_back(threads, quantile(milliseconds, 0.5));
        times.curves[1].points.emplace_back(threads, quantile(milliseconds, 0.99));
        result.lines.push_back(std::move(line));
        if (setting.isSmoke())
            break;
    }
    result.plots = {std::move(rates), std::move(times)};
    return result;
}

} // namespace Leasehold::Bench
