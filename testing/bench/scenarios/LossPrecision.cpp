#include "scenarios.h"

#include "KeptLocks.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <thread>

namespace Leasehold::Bench
{
namespace
{

/// The time of the loss callback of a lock, and the end of its lease.
struct Watched
{
    explicit Watched(Lock its) : lock(std::move(its)) {}

    void watch()
    {
        validUntil = LocalClock::now() + lock.remaining();
        onLoss.emplace(lock.lossToken(), [this] { lostAt = LocalClock::now().time_since_epoch().count(); });
    }
    double lateMs() const { return static_cast<double>(lostAt - validUntil.time_since_epoch().count()) / 1e6; }

    Lock lock;
    LocalTime validUntil{};
    std::atomic<LocalClock::rep> lostAt{0};
    std::optional<std::stop_callback<std::function<void()>>> onLoss{};
};

} // namespace

/// Measures when loss tokens fire in an outage: the storage answers nothing and refuses nothing.
Result measureLossPrecision(Setting& setting, StorageBench& bench)
{
    const auto url = bench.preparedStorage();
    const auto count = setting.pick<std::size_t>(5, 1000);
    const auto outages = setting.pick<std::size_t>(1, 3, 20);
    LockPolicy policy;
    policy.lease.ttl = std::max(setting.pick(Milliseconds(500), Milliseconds(10'000)), openStore(url)->info().minTtl);
    policy.retry.maxAttempts = 10; // the storage may need a moment after an outage
    const auto margin = policy.lease.effectiveSafetyMargin();

    std::vector<double> late;
    std::mt19937 random(6);
    for (std::size_t outage = 0; outage < outages; ++outage)
    {
        LockManagerService locks(openStore(url), policy);
        auto acquired = acquireLocks(locks, "watched/" + std::to_string(outage) + "/", count, std::min<std::size_t>(count, 32),
                                     Seconds(setting.pick(0.0, 2.0)));
        std::vector<std::unique_ptr<Watched>> watched;
        for (auto& lock : acquired)
            watched.push_back(std::make_unique<Watched>(std::move(lock)));
        // At a random time within the renewal interval.
        std::this_thread::sleep_for(Milliseconds(random() % static_cast<unsigned>(policy.lease.effectiveRenewAfter().count())));
        bench.storage().freeze();
        std::this_thread::sleep_for(setting.pick(Milliseconds(10), Milliseconds(200))); // the answers on the way have been read
        for (auto& one : watched)
            one->watch();
        std::this_thread::sleep_for(policy.lease.ttl);
        // The delay of a loss is only measured. A loss that is never told is a failure.
        const auto isTold = [](const auto& one) { return one->lostAt != 0; };
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!std::all_of(watched.begin(), watched.end(), isTold) && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(Milliseconds(10));
        bench.storage().thaw();
        for (auto& one : watched)
        {
            if (one->lostAt == 0)
                throw std::runtime_error("lock " + one->lock.name() + " was not told of its loss for 30 s and its ttl");
            late.push_back(one->lateMs());
        }
    }

    Result result;
    const auto earliest = *std::min_element(late.begin(), late.end());
    const auto latest = *std::max_element(late.begin(), late.end());
    const auto what = std::to_string(count) + " locks, " + std::to_string(outages) + (outages == 1 ? " outage" : " outages") + ", TTL " +
                      formatDuration(policy.lease.ttl) + ": ";
    result.lines.push_back({.what = what + "the earliest loss token, after validUntil",
                            .unit = "ms",
                            .ours = spreadOf({earliest}),
                            .target = Target{Target::Bound::atLeast, -100, Target::Of::ours}});
    result.lines.push_back({.what = what + "the latest",
                            .unit = "ms",
                            .ours = spreadOf({latest}),
                            .target = Target{Target::Bound::atMost, 50, Target::Of::ours}});
    result.lines.push_back({.what = what + "the median", .unit = "ms", .ours = spreadOf({quantile(late, 0.5)})});
    result.lines.push_back({.what = what + "p99", .unit = "ms", .ours = spreadOf({quantile(late, 0.99)})});
    result.notes.push_back("validUntil lies " + formatDuration(margin) + " before the storage ends the lease");
    return result;
}

} // namespace Leasehold::Bench
