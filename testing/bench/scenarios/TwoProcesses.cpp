#include "ContenderProcess.h"
#include "scenarios.h"

#include <algorithm>

namespace Leasehold::Bench
{

/// Two processes that loop on one lock with 2 ms of work: how they share it.
Result measureTwoProcesses(Setting& setting, StorageBench& bench)
{
    const auto url = bench.preparedStorage();
    const Milliseconds span = setting.pick(Milliseconds(200), Milliseconds(24'000));
    ContenderProcess one(url), other(url);
    one.awaitReady();
    other.awaitReady();
    for (auto* const process : {&one, &other})
        process->loop("shared", span, Milliseconds(2));
    const auto first = one.looped(), second = other.looped();
    const auto total = std::max(first.grants + second.grants, 1.0);

    Result result;
    result.lines.push_back({.what = "the smaller share of two processes",
                            .unit = "of the grants",
                            .ours = spreadOf({std::min(first.grants, second.grants) / total}),
                            .target = Target{Target::Bound::atLeast, 0.25, Target::Of::ours}});
    result.lines.push_back({.what = "the longest wait",
                            .unit = "ms",
                            .ours = spreadOf({std::max(first.longestWaitMs, second.longestWaitMs)}),
                            .target = Target{Target::Bound::atMost, 5000, Target::Of::ours}});
    result.lines.push_back(
        {.what = "grants of both", .unit = "per second", .ours = spreadOf({total / std::chrono::duration<double>(span).count()})});
    return result;
}

} // namespace Leasehold::Bench
