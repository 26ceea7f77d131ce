#include "Alternation.h"
#include "RawHttp.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"

namespace Leasehold::Bench
{

/// What a lone caller pays for the service, the gathering of requests, the deadline and the reading of answers.
Result measureEnginePair(Setting& setting)
{
    auto& engine = setting.engine();
    const auto index = engine.freshIndex();
    LockManagerService locks(engine.openStore(index));
    RawConnection connection(engine.port());
    RawLock raw(engine.port(), index, "raw");

    const auto ours = [&] { return rateOf(setting.slice(), 1, [&] { locks.acquire("ours").release(); }); };
    const auto limit = [&]
    {
        return rateOf(setting.slice(), 1,
                      [&] { RawLock::requireReleased(connection.exchange(raw.release(connection.exchange(raw.acquire())))); });
    };
    ours(), limit();
    Result result;
    result.lines.push_back(alternate(setting,
                                     {.what = "acquire + release, 1 thread",
                                      .unit = "pairs/s",
                                      .limitName = "the same two requests from a bare keep-alive loop",
                                      .target = Target{Target::Bound::atLeast, 0.95}},
                                     ours, limit, setting.pick<std::size_t>(1, 3)));
    return result;
}

} // namespace Leasehold::Bench
