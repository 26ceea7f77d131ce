#include "ThreadCrew.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <atomic>
#include <thread>

namespace Leasehold::Bench
{
namespace
{

struct IndexSize
{
    double records = 0, deleted = 0, megabytes = 0, segments = 0;
};

IndexSize sizeOf(BenchEngine& engine, const std::string& index)
{
    if (!engine.process())
        return {}; // the fake server has no such thing
    engine.ask("GET", "/" + index + "/_refresh");
    const auto body = engine.ask("GET", "/" + index + "/_stats/docs,store,segments");
    const auto all = Poco::JSON::Parser().parse(body).extract<Poco::JSON::Object::Ptr>()->getObject("_all")->getObject("primaries");
    return {all->getObject("docs")->getValue<double>("count"), all->getObject("docs")->getValue<double>("deleted"),
            all->getObject("store")->getValue<double>("size_in_bytes") / 1e6, all->getObject("segments")->getValue<double>("count")};
}

Line simple(std::string what, std::string unit, double value)
{
    return {.what = std::move(what), .unit = std::move(unit), .ours = spreadOf({value})};
}

} // namespace

/// Every lock has another name and leaves a dead record, whose fence is remembered. What an hour of this leaves, and that `prune`
/// keeps the index from growing.
Result measureChurn(Setting& setting)
{
    auto& engine = setting.engine();
    Result result;

    // As quick as it goes, nothing is forgotten.
    const auto growing = engine.freshIndex();
    {
        LockPolicy policy;
        policy.retention.pruneEvery = forever;
        LockManagerService locks(engine.openStore(growing), policy);
        std::atomic<std::size_t> number{0};
        const Seconds span(setting.pick(0.02, 10.0));
        const auto outcome = crewRate(setting.pick<std::size_t>(2, 32), span,
                                      [&](std::size_t) { locks.acquire("job/" + std::to_string(number++)).release(); });
        const auto size = sizeOf(engine, growing);
        result.lines.push_back(simple("locks of new names, 32 threads, nothing forgotten", "per second", outcome.perSecond));
        result.lines.push_back(simple("records that they left", "", size.records));
        result.lines.push_back(simple("index", "MB", size.megabytes));
        result.lines.push_back(simple("segments", "", size.segments));
        if (size.records > 0)
            result.notes.push_back("extrapolated: an hour of 100 new names a second leaves 360,000 records, about " +
                                   std::to_string(static_cast<long>(size.megabytes / size.records * 360'000)) + " MB");
    }

    // At a steady pace, and each second one page is forgotten, as a service does; by a retention so short that it shows.
    const auto flat = engine.freshIndex();
    const auto perSecond = setting.pick(100, 500);
    const auto seconds = setting.pick(1, 40, 3600);
    const auto store = engine.openStore(flat);
    LockPolicy policy;
    policy.retention.pruneEvery = forever; // done below
    LockManagerService locks(store, policy);
    const Milliseconds retention = setting.pick(Milliseconds(100), Milliseconds(5000), Milliseconds(60'000));
    Plot plot{"engine-churn", std::to_string(perSecond) + " locks of new names a second, pruned, " + engine.name(), "seconds", "", false,
              false,          {{"records, dead ones included", {}}, {"index, 10 kB", {}}, {"segments", {}}}};
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
            const auto size = sizeOf(engine, flat);
            records.push_back(size.records);
            plot.curves[0].points.emplace_back(second, size.records);
            plot.curves[1].points.emplace_back(second, size.megabytes * 100);
            plot.curves[2].points.emplace_back(second, size.segments);
        }
        std::this_thread::sleep_until(began + std::chrono::seconds(second + 1) / setting.pick(10, 1));
    }
    const auto last = sizeOf(engine, flat);
    const auto what =
        std::to_string(perSecond) + " new names a second for " + std::to_string(seconds) + " s, kept " + formatDuration(retention) + ": ";
    result.lines.push_back(simple(what + "records half-way", "", records[records.size() / 2]));
    result.lines.push_back(simple(what + "records at the end", "", last.records));
    result.lines.push_back(simple(what + "index", "MB", last.megabytes));
    result.lines.push_back(simple(what + "segments", "", last.segments));
    result.notes.push_back(std::to_string(pruned) + " records were forgotten of " + std::to_string(perSecond * seconds));
    result.plots.push_back(std::move(plot));
    return result;
}

} // namespace Leasehold::Bench
