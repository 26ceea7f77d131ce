#include "Alternation.h"
#include "CountingLockStore.h"
#include "LockOperations.h"
#include "RawHttp.h"
#include "ThreadCrew.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"
#include "Leasehold/LockMetrics.h"
#include "Leasehold/TokenPolicy.h"

#include <atomic>
#include <charconv>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::Bench
{
namespace
{

/// Gives a lock back and takes it again in one `_bulk`, so often as it is called: nothing is quicker as long as each grant is a step of
/// the storage.
class RawHandOver
{
public:
    RawHandOver(int port, const std::string& index) : _port(port), _path(bulkPath(index, Milliseconds(4500))), _connection(port)
    {
        pass({}); // nobody holds it yet
    }

    void pass() { pass(releaseOperation({"handed over", _token, _fence})); }

private:
    void pass(const std::optional<LockOperation>& release)
    {
        std::string body;
        if (release)
            appendBulkLines(body, *release);
        _token = drawToken();
        appendBulkLines(body, acquireOperation({"handed over", _token, std::chrono::seconds(30)}));
        const auto answer = _connection.exchange(postRequest(_port, _path, body));
        constexpr std::string_view field = "\"fence\":";
        const auto at = answer.rfind(field);
        if (at == std::string_view::npos || answer.find(_token) == std::string_view::npos)
            throw std::runtime_error("the raw client: not handed over: " + std::string(answer.substr(0, 500)));
        std::from_chars(answer.data() + at + field.size(), answer.data() + answer.size(), _fence);
    }

    const int _port;
    const std::string _path;
    RawConnection _connection;
    std::string _token;
    Fence _fence = 0;
};

} // namespace

/// One lock that all threads want at once, and give back as soon as they have it. The pattern of Kibana's lock manager: each caller asks
/// the engine by itself, again and again; here without pauses, which gives it the most grants.
Result measureEngineContention(Setting& setting)
{
    auto& engine = setting.engine();
    const auto index = engine.freshIndex();
    const std::size_t threads = setting.pick<std::size_t>(2, 16);
    const auto store = std::make_shared<CountingLockStore>(engine.openStore(index));
    const auto metrics = std::make_shared<LockMetrics>();
    LockManagerService locks(store, {}, {.observers = {metrics}});

    const Seconds slice = setting.slice() * 2;
    LockOptions options;
    options.wait = std::chrono::seconds(60);
    const auto ours = [&] { return crewRate(threads, slice, [&](std::size_t) { locks.acquire("wanted", options).release(); }).perSecond; };

    struct Racer
    {
        Racer(int port, const std::string& ofIndex) : connection(port), lock(port, ofIndex, "raced") {}
        RawConnection connection;
        RawLock lock;
    };
    std::vector<std::unique_ptr<Racer>> racers;
    for (std::size_t number = 0; number < threads; ++number)
        racers.push_back(std::make_unique<Racer>(engine.port(), index));
    std::atomic<std::size_t> noops{0};
    const auto pattern = [&]
    {
        std::atomic<std::size_t> grants{0};
        crewRate(threads, slice,
                 [&](std::size_t number)
                 {
                     auto& [connection, lock] = *racers[number];
                     const auto answer = connection.exchange(lock.acquire());
                     if (statusOf(answer) == 409 || answer.find(R"("result":"noop")") != std::string_view::npos)
                     {
                         ++noops;
                         return;
                     }
                     const std::string& release = lock.release(answer);
                     auto released = connection.exchange(release);
                     while (statusOf(released) == 409)
                         released = connection.exchange(release);
                     RawLock::requireReleased(released);
                     ++grants;
                 });
        return static_cast<double>(grants) / slice.count();
    };
    ours(), pattern();
    noops = 0;

    Result result;
    result.lines.push_back(alternate(setting,
                                     {.what = std::to_string(threads) + " threads racing for one lock",
                                      .unit = "grants/s",
                                      .limitName = "each asks by itself, again and again",
                                      .target = Target{Target::Bound::atLeast, 10}},
                                     ours, pattern));
    RawConnection connection(engine.port());
    RawLock raw(engine.port(), index, "alone");
    const auto alone = [&]
    {
        return rateOf(setting.slice(), 1,
                      [&] { RawLock::requireReleased(connection.exchange(raw.release(connection.exchange(raw.acquire())))); });
    };
    result.lines.push_back(alternate(
        setting,
        {.what = "the same", .unit = "grants/s", .limitName = "one bare client, alone: a grant and a release, one after the other"}, ours,
        alone));
    RawHandOver handOver(engine.port(), index);
    const auto together = [&] { return rateOf(setting.slice(), 1, [&] { handOver.pass(); }); };
    result.lines.push_back(alternate(
        setting,
        {.what = "the same",
         .unit = "grants/s",
         .limitName = "one bare client that gives back and takes again in one `_bulk`: the most with a step of the storage for each grant"},
        ours, together));
    result.notes.push_back("ours: " + std::to_string(metrics->snapshot().acquired) + " grants, for which the storage was called " +
                           std::to_string(store->otherCalls()) + " times");
    result.notes.push_back(
        "refusals that the engine answered in the pattern, per second: " +
        std::to_string(static_cast<long>(static_cast<double>(noops) / (slice.count() * static_cast<double>(setting.repetitions())))));
    return result;
}

} // namespace Leasehold::Bench
