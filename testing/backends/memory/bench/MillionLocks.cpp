#include "KeptLocks.h"
#include "MemoryBench.h"

#include "Leasehold/MemoryLockStore.h"

#include <stdexcept>

namespace Leasehold::Bench
{

Result measureMillionLocks(Setting& setting)
{
    const std::vector<std::size_t> counts = setting.pick<std::vector<std::size_t>>({1000, 2000}, {10'000, 100'000, 1'000'000});
    const Seconds span(setting.pick(0.05, 20.0, 60.0));
    Result result;
    Plot cost{"million",
              "What it costs to keep locks (TTL 30 s)",
              "locks kept",
              "",
              true,
              true,
              {{"processor time, % of one core", {}}, {"memory, MiB", {}}}};
    for (const auto count : counts)
    {
        LockManagerService locks(std::make_shared<MemoryLockStore>());
        const auto before = usageOf();
        auto kept = acquireLocks(locks, "lock/", count, 1, Seconds(0));
        // Skip the first round of renewals, in which the leases are due as they were acquired. The later rounds are the steady state.
        const Seconds settle(setting.pick(0.02, 12.0));
        keepFor(settle);
        const auto keeping = keepFor(span);
        if (const auto held = countHeld(kept); held != count)
            throw std::runtime_error(std::to_string(count - held) + " of " + std::to_string(count) + " locks were lost");

        const auto memory = keeping.client.residentMiB - before.residentMiB;
        const bool isMillion = count == counts.back();
        result.lines.push_back({.what = std::to_string(count) + " locks: processor time",
                                .unit = "% of one core",
                                .ours = spreadOf({keeping.clientCore}),
                                .target = isMillion ? std::optional(Target{Target::Bound::atMost, 10, Target::Of::ours}) : std::nullopt});
        result.lines.push_back({.what = std::to_string(count) + " locks: memory, of store and service",
                                .unit = "MiB",
                                .ours = spreadOf({memory}),
                                .target = isMillion ? std::optional(Target{Target::Bound::atMost, 1024, Target::Of::ours}) : std::nullopt});
        cost.curves[0].points.emplace_back(count, keeping.clientCore);
        cost.curves[1].points.emplace_back(count, memory);
        if (isMillion)
            result.notes.push_back("threads of the process: " + std::to_string(keeping.client.threads) + "; none of the locks was lost");
        releaseLocks(kept, 1);
    }
    result.plots.push_back(std::move(cost));
    return result;
}

} // namespace Leasehold::Bench
