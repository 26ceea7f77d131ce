#include "CountingLockStore.h"
#include "KeptLocks.h"
#include "scenarios.h"

#include "Leasehold/LockMetrics.h"
#include "Leasehold/LockObserver.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold::Bench
{
namespace
{

constexpr std::size_t threadsThatAcquire = 64;

/// Counts the failure messages of renewals, for the report.
class FailureReasons : public LockObserver
{
public:
    void renewalFailed(const std::string&, Fence, const std::string& why, Milliseconds) override
    {
        const std::lock_guard guard(_mutex);
        ++_times[why];
    }

    /// Empty: no renewal failed.
    std::string mostFrequent() const
    {
        const std::lock_guard guard(_mutex);
        const auto found = std::max_element(_times.begin(), _times.end(), [](const auto& l, const auto& r) { return l.second < r.second; });
        return found == _times.end() ? std::string() : found->first;
    }

private:
    mutable std::mutex _mutex;
    std::map<std::string, std::size_t> _times;
};

struct Kept
{
    Keeping keeping{};
    double requestsPerSecond = 0, renewalsPerSecond = 0;
    bool requestsAreCalls = false; ///< the storage does not count its requests
    LockMetrics::Snapshot metrics{};
    std::string whyRenewalsFailed{};
    std::size_t held = 0;
    double memory = 0;
    std::size_t ownThreads = 0;
};

/// The spans of one measurement: the locks are acquired at random times within `over`, their renewals settle into batches, and then the
/// cost is measured for `measured`.
struct Spans
{
    Seconds over, settle, measured;
};

Kept keep(StorageBench& bench, std::size_t count, const Spans& spans)
{
    const auto url = bench.preparedStorage();
    const auto before = usageOf();
    const auto store = std::make_shared<CountingLockStore>(openStore(url));
    const auto metrics = std::make_shared<LockMetrics>();
    const auto reasons = std::make_shared<FailureReasons>();
    LockManagerService locks(store, {}, {.observers = {metrics, reasons}});
    auto acquired = acquireLocks(locks, "lock/", count, std::min(threadsThatAcquire, count), spans.over);
    keepFor(spans.settle);

    Kept kept;
    const auto callsBefore = store->renewCalls(), renewalsBefore = store->renewals();
    const auto requestsBefore = bench.requests();
    kept.keeping = keepFor(spans.measured, bench.serverProcess());
    const auto requests = requestsBefore ? *bench.requests() - *requestsBefore : store->renewCalls() - callsBefore;
    kept.requestsAreCalls = !requestsBefore;
    kept.requestsPerSecond = static_cast<double>(requests) / kept.keeping.seconds;
    kept.renewalsPerSecond = static_cast<double>(store->renewals() - renewalsBefore) / kept.keeping.seconds;
    kept.held = countHeld(acquired);
    kept.metrics = metrics->snapshot();
    kept.whyRenewalsFailed = reasons->mostFrequent();
    kept.memory = kept.keeping.client.residentMiB - before.residentMiB;
    kept.ownThreads = kept.keeping.client.threads - before.threads;
    releaseLocks(acquired, std::min(threadsThatAcquire, count));
    return kept;
}

/// At most: requests per second, and the client's processor time and threads.
struct Limits
{
    std::optional<double> requests{}, clientCore{}, threads{};
};

Result resultOf(const Kept& kept, std::size_t count, const Limits& limits)
{
    Result result;
    const auto which = std::to_string(count) + " locks for " + std::to_string(static_cast<int>(kept.keeping.seconds)) + " s: ";
    const auto add = [&](const std::string& what, std::string unit, double value, std::optional<double> atMost = {})
    {
        Line line{.what = which + what, .unit = std::move(unit), .ours = spreadOf({value})};
        if (atMost)
            line.target = Target{Target::Bound::atMost, *atMost, Target::Of::ours};
        result.lines.push_back(std::move(line));
    };
    add("lost", "locks", static_cast<double>(count - kept.held), 0);
    add(kept.requestsAreCalls ? "calls of the store" : "requests", "per second", kept.requestsPerSecond, limits.requests);
    add("processor time of the client", "% of one core", kept.keeping.clientCore, limits.clientCore);
    add("threads", "", static_cast<double>(kept.ownThreads), limits.threads);
    add("memory of the client", "MiB", kept.memory);
    if (kept.keeping.serverCore)
        add("processor time of the server", "% of one core", *kept.keeping.serverCore);
    result.notes.push_back("renewals per second: " + std::to_string(static_cast<long>(kept.renewalsPerSecond)));
    result.notes.push_back("renewals that failed and were sent again: " + std::to_string(kept.metrics.renewalsFailed) +
                           "; the slowest took " +
                           std::to_string(std::chrono::duration_cast<Milliseconds>(kept.metrics.longestRenew).count()) + " ms");
    if (!kept.whyRenewalsFailed.empty())
        result.notes.push_back("they failed because: " + kept.whyRenewalsFailed);
    return result;
}

} // namespace

/// Ten thousand locks that were acquired at random times: their renewals settle into few batches.
Result measureKeeping(Setting& setting, StorageBench& bench)
{
    const auto count = setting.pick<std::size_t>(200, 10'000);
    const Spans spans{Seconds(setting.pick(0.01, 20.0)), Seconds(setting.pick(0.01, 15.0)), Seconds(setting.pick(0.05, 40.0))};
    return resultOf(keep(bench, count, spans), count, {.requests = bench.targets().keeping, .clientCore = 2, .threads = 3});
}

Result measureKeepingMany(Setting& setting, StorageBench& bench)
{
    const auto count = setting.pick<std::size_t>(300, 100'000);
    const Spans spans{Seconds(setting.pick(0.01, 20.0)), Seconds(0), Seconds(setting.pick(0.05, 600.0))};
    return resultOf(keep(bench, count, spans), count, {});
}

} // namespace Leasehold::Bench
