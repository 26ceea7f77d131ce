#include "scenarios.h"

#include <utility>

namespace Leasehold::Bench
{
namespace
{

/// A scenario that runs on every storage.
struct CommonScenario
{
    const char* name;
    const char* title;
    Result (*run)(Setting&, StorageBench&);
    bool needsProcesses = false; ///< other processes must see the locks, or the storage must be able to fail
    bool isLong = false;
};

const std::vector<CommonScenario>& commonScenarios()
{
    static const std::vector<CommonScenario> all{
        {"pair", "acquire + release, one thread", measurePair},
        {"threads", "acquire + release, many threads", measureThreads},
        {"contention", "one lock that many threads want", measureContention},
        {"keep-10000", "ten thousand locks kept", measureKeeping},
        {"keep-100000", "a hundred thousand locks kept for ten minutes", measureKeepingMany, false, true},
        {"thread-hand-over", "from a release to the grant of a waiting thread", measureThreadHandOver},
        {"process-hand-over", "from a release to the grant of a waiting process", measureProcessHandOver, true},
        {"two-processes", "one lock that two processes acquire again and again", measureTwoProcesses, true},
        {"waiters", "forty processes that wait for one lock", measureWaiters, true},
        {"loss", "from losing the storage to the loss token", measureLossPrecision, true},
        {"command", "a command under a lock: leasehold run NAME -- true", measureCommand, true},
    };
    return all;
}

/// The plots of several storages go to one folder.
Result named(Result result, const BenchKind& kind, StorageBench& bench)
{
    for (auto& plot : result.plots)
    {
        plot.file = kind.name + "-" + plot.file;
        plot.title += ", " + bench.storage().name();
    }
    return result;
}

} // namespace

std::vector<Scenario> scenariosWithoutStorage()
{
    return {
#ifdef LEASEHOLD_BENCH_SMALL_STEPS
        {.name = "small-steps", .title = "the small steps of the framework, in processor time", .run = measureFrameworkSteps},
#endif
    };
}

std::vector<Scenario> scenariosOn(const BenchKind& kind, StorageBench& bench)
{
    std::vector<Scenario> all;
    const auto add = [&](Scenario scenario)
    {
        scenario.name = kind.name + "-" + scenario.name;
        scenario.title += ", " + kind.name;
        scenario.run = [run = std::move(scenario.run), &kind, &bench](Setting& setting) { return named(run(setting), kind, bench); };
        all.push_back(std::move(scenario));
    };
    for (const auto& common : commonScenarios())
        if (!(kind.isOneProcess && common.needsProcesses))
            add({.name = common.name, .title = common.title, .isLong = common.isLong, .run = [&common, &bench](Setting& setting) {
                     return common.run(setting, bench);
                 }});
    for (auto& scenario : bench.scenarios())
        add(std::move(scenario));
    return all;
}

} // namespace Leasehold::Bench
