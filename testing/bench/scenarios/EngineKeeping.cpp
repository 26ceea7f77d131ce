#include "CountingLockStore.h"
#include "KeptLocks.h"
#include "scenarios.h"

#include "Leasehold/LockMetrics.h"
#include "Leasehold/LockObserver.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

namespace Leasehold::Bench
{
namespace
{

constexpr std::size_t threadsThatTake = 64;

/// Why renewals failed, for the report.
class FailureReasons : public LockObserver
{
public:
    void renewalFailed(const std::string&, Fence, const std::string& why, Milliseconds) override
    {
        const std::lock_guard guard(_mutex);
        ++_times[why];
    }

    /// The most frequent one.
    std::string main() const
    {
        const std::lock_guard guard(_mutex);
        const auto most = std::max_element(_times.begin(), _times.end(), [](const auto& l, const auto& r) { return l.second < r.second; });
        return most == _times.end() ? std::string() : most->first;
    }

private:
    mutable std::mutex _mutex;
    std::map<std::string, std::size_t> _times;
};

struct Kept
{
    Keeping keeping{};
    double renewCallsPerSecond = 0, renewalsPerSecond = 0;
    LockMetrics::Snapshot metrics{};
    std::string whyRenewalsFailed{};
    std::size_t held = 0;
    double memory = 0;
    std::size_t ownThreads = 0;
};

/// Takes the locks at moments that lie anywhere in `over`, lets their renewals settle, and keeps them for `span`.
Kept keep(Setting& setting, std::size_t count, Seconds over, Seconds settle, Seconds span)
{
    auto& engine = setting.engine();
    const auto index = engine.freshIndex();
    const auto before = usageOf();
    const auto store = std::make_shared<CountingLockStore>(engine.openStore(index));
    const auto metrics = std::make_shared<LockMetrics>();
    const auto reasons = std::make_shared<FailureReasons>();
    LockManagerService locks(store, {}, {.observers = {metrics, reasons}});
    auto taken = takeLocks(locks, "lock/", count, std::min(threadsThatTake, count), over);
    keepFor(settle);

    Kept kept;
    const auto callsBefore = store->renewCalls(), renewalsBefore = store->renewals();
    kept.keeping = keepFor(span, engine.process());
    kept.renewCallsPerSecond = static_cast<double>(store->renewCalls() - callsBefore) / kept.keeping.seconds;
    kept.renewalsPerSecond = static_cast<double>(store->renewals() - renewalsBefore) / kept.keeping.seconds;
    kept.held = countHeld(taken);
    kept.metrics = metrics->snapshot();
    kept.whyRenewalsFailed = reasons->main();
    kept.memory = kept.keeping.client.residentMiB - before.residentMiB;
    kept.ownThreads = kept.keeping.client.threads - before.threads;
    giveBack(taken, std::min(threadsThatTake, count));
    return kept;
}

Line simple(std::string what, std::string unit, double value, std::optional<double> atMost = {})
{
    Line line{.what = std::move(what), .unit = std::move(unit), .ours = spreadOf({value})};
    if (atMost)
        line.target = Target{Target::Bound::atMost, *atMost, Target::Of::ours};
    return line;
}

} // namespace

/// Ten thousand locks that were taken at random moments: due renewals settle into few batches.
Result measureKeepingTenThousand(Setting& setting)
{
    const auto most = setting.pick<std::size_t>(200, 10'000);
    Result result;
    Plot cost{"engine-keeping",
              "What it costs to keep locks (TTL 30 s), " + setting.engine().name(),
              "locks kept",
              "",
              true,
              true,
              {{"requests/s", {}}, {"processor time of the client, % of one core", {}}, {"of the engine, % of one core", {}}}};
    for (const std::size_t count : {most / 100, most / 10, most})
    {
        const bool isMost = count == most;
        const Seconds span(setting.pick(0.05, isMost ? 60.0 : 20.0));
        const auto kept = keep(setting, count, Seconds(setting.pick(0.01, isMost ? 20.0 : 10.0)), Seconds(setting.pick(0.01, 15.0)), span);
        cost.curves[0].points.emplace_back(count, kept.renewCallsPerSecond);
        cost.curves[1].points.emplace_back(count, kept.keeping.clientCore);
        if (kept.keeping.engineCore)
            cost.curves[2].points.emplace_back(count, *kept.keeping.engineCore);
        if (!isMost)
            continue;
        const auto which = std::to_string(count) + " locks: ";
        result.lines.push_back(simple(which + "requests", "per second", kept.renewCallsPerSecond, 3));
        result.lines.push_back(simple(which + "processor time of the client", "% of one core", kept.keeping.clientCore, 2));
        result.lines.push_back(simple(which + "threads", "", static_cast<double>(kept.ownThreads), 3));
        if (kept.keeping.engineCore)
            result.lines.push_back(simple(which + "processor time of the engine", "% of one core", *kept.keeping.engineCore));
        result.lines.push_back(simple(which + "lost", "locks", static_cast<double>(count - kept.held), 0));
        result.notes.push_back("renewals per second: " + std::to_string(static_cast<long>(kept.renewalsPerSecond)) +
                               "; one request for each lock, as where nothing is gathered, would be as many requests");
    }
    result.plots.push_back(std::move(cost));
    return result;
}

Result measureKeepingHundredThousand(Setting& setting)
{
    const auto count = setting.pick<std::size_t>(300, 100'000);
    const auto kept = keep(setting, count, Seconds(setting.pick(0.01, 20.0)), Seconds(0), Seconds(setting.pick(0.05, 60.0, 600.0)));
    Result result;
    const auto which = std::to_string(count) + " locks for " + std::to_string(static_cast<int>(kept.keeping.seconds)) + " s: ";
    result.lines.push_back(simple(which + "lost", "locks", static_cast<double>(count - kept.held), 0));
    result.lines.push_back(simple(which + "renewals", "per second", kept.renewalsPerSecond));
    result.lines.push_back(simple(which + "requests", "per second", kept.renewCallsPerSecond));
    result.lines.push_back(simple(which + "processor time of the client", "% of one core", kept.keeping.clientCore));
    if (kept.keeping.engineCore)
        result.lines.push_back(simple(which + "processor time of the engine", "% of one core", *kept.keeping.engineCore));
    result.lines.push_back(simple(which + "memory of the client", "MiB", kept.memory));
    result.lines.push_back(simple(which + "threads", "", static_cast<double>(kept.ownThreads)));
    result.notes.push_back("renewals that failed and were tried again: " + std::to_string(kept.metrics.renewalsFailed) +
                           "; the slowest took " +
                           std::to_string(std::chrono::duration_cast<Milliseconds>(kept.metrics.longestRenew).count()) + " ms");
    if (!kept.whyRenewalsFailed.empty())
        result.notes.push_back("they failed because: " + kept.whyRenewalsFailed);
    return result;
}

} // namespace Leasehold::Bench
