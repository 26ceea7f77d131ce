#include "Alternation.h"
#include "LoadGenerator.h"
#include "LockOperations.h"
#include "RawHttp.h"
#include "ThreadCrew.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"
#include "Leasehold/TokenPolicy.h"

#include <chrono>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::Bench
{
namespace
{

/// How many connections get the most single updates out of the engine.
std::size_t bestConcurrency(const Setting& setting, BenchEngine& engine, const std::string& index, Curve& rates)
{
    std::size_t best = 0;
    double most = 0;
    for (const std::size_t connections : setting.pick<std::vector<std::size_t>>({2, 4}, {4, 8, 16, 32, 64, 128, 256}))
    {
        LoadGenerator load(engine.port(), index, connections);
        std::vector<double> measured;
        for (int i = 0; i < setting.pick(1, 3); ++i)
            measured.push_back(load.run(setting.slice()).requestsPerSecond);
        const double rate = spreadOf(measured).median;
        rates.points.emplace_back(connections, rate);
        if (rate > most)
            most = rate, best = connections;
    }
    return best;
}

/// What the engine carries when nobody has to be woken for each operation: two connections that send nothing but full requests, grants
/// that are replayed, which writes each time.
double fullRequestsRate(const Setting& setting, BenchEngine& engine, const std::string& index)
{
    constexpr std::size_t connections = 2, size = 128;
    std::vector<std::string> requests;
    for (std::size_t connection = 0; connection < connections; ++connection)
    {
        std::string body;
        for (std::size_t at = 0; at < size; ++at)
            appendBulkLines(body, acquireOperation({"full/" + std::to_string(connection) + "/" + std::to_string(at), drawToken(),
                                                    std::chrono::minutes(10)}));
        requests.push_back(postRequest(engine.port(), bulkPath(index, Milliseconds(30'000)), body));
    }
    std::vector<std::unique_ptr<RawConnection>> raw;
    for (std::size_t connection = 0; connection < connections; ++connection)
        raw.push_back(std::make_unique<RawConnection>(engine.port()));
    std::vector<double> measured;
    for (std::size_t turn = 0; turn < setting.repetitions(); ++turn)
        measured.push_back(static_cast<double>(size) *
                           crewRate(connections, setting.slice(),
                                    [&](std::size_t connection)
                                    {
                                        if (raw[connection]->exchange(requests[connection]).find("\"noop\"") != std::string_view::npos)
                                            throw std::runtime_error("the raw client: a replayed grant changed nothing");
                                    })
                               .perSecond);
    return spreadOf(measured).median;
}

struct Wanted
{
    std::size_t threads;
    double ratio;
};

} // namespace

/// What the threads of one process get out of an engine when their operations share requests, beside what the engine gives to any
/// number of clients that each send their own.
Result measureEngineThreads(Setting& setting)
{
    auto& engine = setting.engine();
    const auto index = engine.freshIndex();
    LockManagerService locks(engine.openStore(index));

    Result result;
    Plot rates{"engine-threads-rate",
               "Updates a second over threads, " + engine.name(),
               "threads or connections",
               "updates/s",
               true,
               false,
               {{"Leasehold: acquire + release on names of their own", {}}, {"single _update requests from a load generator", {}}}};
    Plot times{"engine-threads-latency",     "Time of acquire + release over threads, " + engine.name(), "threads", "ms", true, true,
               {{"median", {}}, {"p99", {}}}};
    const auto connections = bestConcurrency(setting, engine, index, rates.curves[1]);
    LoadGenerator load(engine.port(), index, connections);

    const auto wanted = setting.pick<std::vector<Wanted>>({{2, 1}, {4, 1}}, {{1, 0}, {4, 0}, {16, 1}, {64, 1.5}, {256, 3}});
    for (const auto& one : wanted)
    {
        const auto threads = one.threads;
        const auto ratio = one.ratio;
        std::vector<std::string> names;
        for (std::size_t number = 0; number < threads; ++number)
            names.push_back("job/" + std::to_string(number));
        std::vector<double> pairs;
        const auto ours = [&]
        {
            auto outcome = crewRate(threads, setting.slice(), [&](std::size_t number) { locks.acquire(names[number]).release(); });
            std::move(outcome.milliseconds.begin(), outcome.milliseconds.end(), std::back_inserter(pairs));
            return 2 * outcome.perSecond;
        };
        ours();
        pairs.clear();
        Line line{.what = std::to_string(threads) + " threads on distinct names",
                  .unit = "updates/s",
                  .limitName = "single `_update`s, " + std::to_string(connections) + " connections"};
        if (ratio > 0)
            line.target = Target{Target::Bound::atLeast, ratio};
        line = alternate(
            setting, line, ours, [&] { return load.run(setting.slice()).requestsPerSecond; }, setting.pick<std::size_t>(1, 2));
        rates.curves[0].points.emplace_back(threads, line.ours.median);
        times.curves[0].points.emplace_back(threads, quantile(pairs, 0.5));
        times.curves[1].points.emplace_back(threads, quantile(pairs, 0.99));
        result.lines.push_back(std::move(line));
    }
    result.notes.push_back("two bare connections that send nothing but `_bulk`s of 128 grants, with no thread to wake for each: " +
                           std::to_string(static_cast<long>(fullRequestsRate(setting, engine, index))) + " updates/s");
    result.plots = {std::move(rates), std::move(times)};
    return result;
}

} // namespace Leasehold::Bench
