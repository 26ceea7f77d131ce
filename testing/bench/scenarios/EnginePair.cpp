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

    const auto ours = [&] { locks.acquire("ours").release(); };
    const auto limit = [&] { RawLock::requireReleased(connection.exchange(raw.release(connection.exchange(raw.acquire())))); };
    ours(), limit();
    Result result;
    result.lines.push_back(alternateOneByOne(setting,
                                             {.what = "acquire + release, 1 thread",
                                              .unit = "pairs/s",
                                              .limitName = "the same two requests from a bare keep-alive loop",
                                              .target = Target{Target::Bound::atLeast, 0.95}},
                                             setting.pick<std::size_t>(2, 150), true, ours, limit));
    return result;
}

} // namespace Leasehold::Bench
