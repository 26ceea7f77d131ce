#include "EngineBench.h"
#include "ThreadCrew.h"

#include "Leasehold/LockManagerService.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace Leasehold::Bench
{
namespace
{

struct IndexSize
{
    double records = 0, deleted = 0, megabytes = 0, segments = 0;
};

/// The answer of the node to a request of an operator. Throws std::runtime_error unless its status is 200.
std::string ask(const EngineNode& node, const std::string& path)
{
    const auto reply = node.ask("GET", path);
    if (reply.status != 200)
        throw std::runtime_error("GET " + path + " was answered with status " + std::to_string(reply.status) + ": " +
                                 reply.body.substr(0, 500));
    return reply.body;
}

IndexSize sizeOf(EngineBench& bench, const std::string& index)
{
    const auto* const node = bench.node();
    if (!node)
        return {}; // the fake server does not tell the size of its index
    ask(*node, "/" + index + "/_refresh");
    const auto body = ask(*node, "/" + index + "/_stats/docs,store,segments");
    const auto all = Poco::JSON::Parser().parse(body).extract<Poco::JSON::Object::Ptr>()->getObject("_all")->getObject("primaries");
    return {all->getObject("docs")->getValue<double>("count"), all->getObject("docs")->getValue<double>("deleted"),
            all->getObject("store")->getValue<double>("size_in_bytes") / 1e6, all->getObject("segments")->getValue<double>("count")};
}

Line lineOf(std::string what, std::string unit, double value)
{
    return {.what = std::move(what), .unit = std::move(unit), .ours = spreadOf({value})};
}

} // namespace

/// Each lock has a new name and leaves a dead record with its fence. Measures the index after an hour, which `prune` must keep from
/// growing.
Result measureChurn(Setting& setting, EngineBench& bench)
{
    Result result;

    // At full speed, without pruning.
    const auto growing = bench.preparedStorage();
    {
        LockPolicy policy;
        policy.retention.pruneEvery = forever;
        LockManagerService locks(openStore(growing), policy);
        std::atomic<std::size_t> number{0};
        const Seconds span(setting.pick(0.02, 10.0));
        const auto outcome = crewRate(setting.pick<std::size_t>(2, 32), span,
                                      [&](std::size_t) { locks.acquire("job/" + std::to_string(number++)).release(); });
        const auto size = sizeOf(bench, indexAddress(growing).index);
        result.lines.push_back(lineOf("locks of new names, 32 threads, nothing forgotten", "per second", outcome.perSecond));
        result.lines.push_back(lineOf("records that they left", "", size.records));
        result.lines.push_back(lineOf("index", "MB", size.megabytes));
        result.lines.push_back(lineOf("segments", "", size.segments));
        if (size.records > 0)
            result.notes.push_back("extrapolated: an hour of 100 new names a second leaves 360,000 records, about " +
                                   std::to_string(static_cast<long>(size.megabytes / size.records * 360'000)) + " MB");
    }

    // At a constant rate, with one prune per second as a service does, and a retention that is short enough to have an effect.
    const auto flat = bench.preparedStorage();
    const auto perSecond = setting.pick(100, 500);
    const auto seconds = setting.pick(1, 40, 3600);
    const auto store = openStore(flat);
    LockPolicy policy;
    policy.retention.pruneEvery = forever; // the scenario prunes itself, below
    LockManagerService locks(store, policy);
    const Milliseconds retention = setting.pick(Milliseconds(100), Milliseconds(5000), Milliseconds(60'000));
    Plot plot{"churn", std::to_string(perSecond) + " locks of new names a second, pruned",           "seconds", "", false,
              false,   {{"records, dead ones included", {}}, {"index, 10 kB", {}}, {"segments", {}}}};
    std::size_t pruned = 0;
    std::vector<double> records;
    const auto began = std::chrono::steady_clock::now();
    for (int second = 0; second < seconds; ++second)
    {
        const auto threads = setting.pick<std::size_t>(2, 16);
        runCrew(threads,
                [&](std::size_t thread)
                {
                    for (auto number = static_cast<int>(thread); number < perSecond; number += static_cast<int>(threads))
                        locks.acquire("job/" + std::to_string(second) + "/" + std::to_string(number)).release();
                });
        pruned += store->prune(retention, CallContext::within(std::chrono::seconds(10)));
        if (second % setting.pick(1, 1, 30) == 0)
        {
            const auto size = sizeOf(bench, indexAddress(flat).index);
            records.push_back(size.records);
            plot.curves[0].points.emplace_back(second, size.records);
            plot.curves[1].points.emplace_back(second, size.megabytes * 100);
            plot.curves[2].points.emplace_back(second, size.segments);
        }
        std::this_thread::sleep_until(began + std::chrono::seconds(second + 1) / setting.pick(10, 1));
    }
    const auto last = sizeOf(bench, indexAddress(flat).index);
    const auto what =
        std::to_string(perSecond) + " new names a second for " + std::to_string(seconds) + " s, kept " + formatDuration(retention) + ": ";
    result.lines.push_back(lineOf(what + "records half-way", "", records[records.size() / 2]));
    result.lines.push_back(lineOf(what + "records at the end", "", last.records));
    result.lines.push_back(lineOf(what + "index", "MB", last.megabytes));
    result.lines.push_back(lineOf(what + "segments", "", last.segments));
    result.notes.push_back(std::to_string(pruned) + " records were forgotten of " + std::to_string(perSecond * seconds));
    result.plots.push_back(std::move(plot));
    return result;
}

} // namespace Leasehold::Bench
