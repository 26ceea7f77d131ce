#include "Alternation.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"

#include <algorithm>
#include <stdexcept>

namespace Leasehold::Bench
{

/// Measures the cost of the service and the store for a lone caller.
Result measurePair(Setting& setting, StorageBench& bench)
{
    const auto url = bench.preparedStorage();
    LockManagerService locks(openStore(url));
    const auto client = bench.bareClient(url, "bare");
    const auto ours = [&] { locks.acquire("ours").release(); };
    const auto bare = [&]
    {
        if (!client->pair())
            throw std::runtime_error("the lock of the bare client is held by another");
    };
    const double oursRate = rateOf(setting.slice(), 1, ours), bareRate = rateOf(setting.slice(), 1, bare);

    // One step lasts long enough for the clock, and all steps of a turn last about one slice, or longer on a slow storage.
    constexpr double secondsOfStep = 0.00002;
    const auto pairs = std::max<std::size_t>(static_cast<std::size_t>(oursRate * secondsOfStep), 1);
    const auto inSlice = static_cast<std::size_t>(setting.slice().count() / (static_cast<double>(pairs) * (1 / oursRate + 1 / bareRate)));
    const auto times = std::max(inSlice, setting.pick<std::size_t>(2, 100));
    Result result;
    result.lines.push_back(alternateOneByOne(
        setting, {.what = "acquire + release, 1 thread", .unit = "pairs/s", .limitName = bench.bareName(), .target = bench.targets().pair},
        {.times = times, .worksEach = pairs, .asRate = true}, ours, bare));
    return result;
}

} // namespace Leasehold::Bench
