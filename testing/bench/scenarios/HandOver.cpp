#include "Alternation.h"
#include "RawHttp.h"
#include "WaiterProcess.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"
#include "Leasehold/LockMetrics.h"

#include <random>
#include <stdexcept>
#include <thread>

namespace Leasehold::Bench
{
namespace
{

double millisecondsBetween(LocalTime from, LocalTime to)
{
    return std::chrono::duration<double, std::milli>(to - from).count();
}

/// From the call of release to the return of a waiting acquire, with the lock held for a random time before.
std::vector<double> toAThread(Setting& setting, const std::shared_ptr<LockStore>& store)
{
    const auto metrics = std::make_shared<LockMetrics>();
    LockManagerService locks(store, {}, {.observers = {metrics}});
    LockOptions patient;
    patient.wait = forever;
    std::mt19937 random(1);
    std::vector<double> times;
    for (int i = 0; i < setting.pick(2, 200); ++i)
    {
        auto held = locks.acquire("handed over");
        LocalTime grantedAt{};
        const auto waitedBefore = metrics->snapshot().waited;
        std::jthread waiter(
            [&]
            {
                auto mine = locks.acquire("handed over", patient);
                grantedAt = Clock::system()->now();
                mine.release();
            });
        while (metrics->snapshot().waited == waitedBefore)
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        std::this_thread::sleep_for(Milliseconds(random() % 20));
        const auto releasedAt = Clock::system()->now();
        held.release();
        waiter.join();
        times.push_back(millisecondsBetween(releasedAt, grantedAt));
    }
    return times;
}

/// The same with a process of its own that waits: it must happen to ask.
std::vector<double> toAProcess(Setting& setting, const std::string& index)
{
    auto& engine = setting.engine();
    const int pairs = setting.pick(1, 8);
    std::vector<std::unique_ptr<WaiterProcess>> waiters;
    for (int number = 0; number < pairs; ++number)
        waiters.push_back(std::make_unique<WaiterProcess>(engine.url(), index));
    for (const auto& waiter : waiters)
        waiter->awaitReady();

    LockManagerService locks(engine.openStore(index));
    std::mutex mutex;
    std::vector<double> times;
    {
        std::vector<std::jthread> holders;
        for (int number = 0; number < pairs; ++number)
            holders.emplace_back(
                [&, number]
                {
                    std::mt19937 random(static_cast<unsigned>(number));
                    const auto name = "passed/" + std::to_string(number);
                    for (int i = 0; i < setting.pick(1, 10); ++i)
                    {
                        auto held = locks.acquire(name, {.wait = std::chrono::seconds(10)});
                        waiters[static_cast<std::size_t>(number)]->wait(name, std::chrono::minutes(1));
                        std::this_thread::sleep_for(Milliseconds(setting.pick(50U, 500 + static_cast<unsigned>(random()) % 2500)));
                        const auto releasedAt = Clock::system()->now();
                        held.release();
                        const auto answer = waiters[static_cast<std::size_t>(number)]->answer();
                        if (!answer.granted)
                            throw std::runtime_error("a process waited a minute for a lock that was free");
                        const std::lock_guard guard(mutex);
                        times.push_back(millisecondsBetween(releasedAt, answer.at));
                    }
                });
    }
    return times;
}

void addTimes(Result& result, const std::string& what, const std::vector<double>& times)
{
    result.lines.push_back({.what = what + ": median", .unit = "ms", .ours = spreadOf({quantile(times, 0.5)})});
    result.lines.push_back({.what = what + ": p99", .unit = "ms", .ours = spreadOf({quantile(times, 0.99)})});
}

} // namespace

Result measureHandOver(Setting& setting)
{
    auto& engine = setting.engine();
    const auto index = engine.freshIndex();
    Result result;
    addTimes(result, "from release to the grant of a waiting thread", toAThread(setting, engine.openStore(index)));
    addTimes(result, "from release to the grant of a waiting process", toAProcess(setting, index));

    RawConnection connection(engine.port());
    RawLock raw(engine.port(), index, "raw");
    std::vector<double> pairs;
    for (int i = 0; i < setting.pick(2, 200); ++i)
    {
        const auto began = Clock::system()->now();
        RawLock::requireReleased(connection.exchange(raw.release(connection.exchange(raw.acquire()))));
        pairs.push_back(millisecondsBetween(began, Clock::system()->now()));
    }
    addTimes(result, "a grant and a release from a bare loop, for comparison", pairs);
    result.notes.push_back(
        "the process that waits asks after 50 ms and then ever more seldom, at most every 2 s (the usual wait policy); the "
        "lock is held for 0.5 to 3 s before");
    return result;
}

/// A hundred processes want one lock that stays taken.
Result measureWaitingProcesses(Setting& setting)
{
    auto& engine = setting.engine();
    const auto index = engine.freshIndex();
    const auto count = setting.pick<std::size_t>(2, 100);
    std::vector<std::unique_ptr<WaiterProcess>> waiters;
    for (std::size_t number = 0; number < count; ++number)
        waiters.push_back(std::make_unique<WaiterProcess>(engine.url(), index));
    for (const auto& waiter : waiters)
        waiter->awaitReady();

    LockManagerService locks(engine.openStore(index));
    auto held = locks.acquire("wanted");
    Result result;
    const auto ask = [&](Milliseconds wait)
    {
        for (const auto& waiter : waiters)
            waiter->wait("wanted", wait);
        std::size_t asked = 0;
        for (const auto& waiter : waiters)
        {
            const auto answer = waiter->answer();
            if (answer.granted)
                throw std::runtime_error("a process got a lock that is held");
            asked += answer.asked;
        }
        return static_cast<double>(asked);
    };
    const auto brief = setting.pick(Milliseconds(20), Milliseconds(2000)), lasting = setting.pick(Milliseconds(50), Milliseconds(20'000));
    const auto inBrief = ask(brief), inLasting = ask(lasting);
    const auto secondsOf = [](Milliseconds span) { return std::chrono::duration<double>(span).count(); };
    const auto which = std::to_string(count) + " processes waiting for one lock: requests in ";
    result.lines.push_back(
        {.what = which + "the first " + formatDuration(brief), .unit = "per second", .ours = spreadOf({inBrief / secondsOf(brief)})});
    result.lines.push_back({.what = which + "the 18 s after it",
                            .unit = "per second",
                            .ours = spreadOf({std::max(inLasting - inBrief, 0.0) / secondsOf(lasting - brief)})});

    for (const auto& waiter : waiters)
        waiter->wait("wanted", std::chrono::minutes(2));
    std::this_thread::sleep_for(brief);
    const auto releasedAt = Clock::system()->now();
    held.release();
    auto firstAt = LocalTime::max(), lastAt = LocalTime::min();
    for (const auto& waiter : waiters)
    {
        const auto answer = waiter->answer();
        if (!answer.granted)
            throw std::runtime_error("a process waited two minutes for a lock that others gave back at once");
        firstAt = std::min(firstAt, answer.at);
        lastAt = std::max(lastAt, answer.at);
    }
    result.lines.push_back(
        {.what = "from its release to the first grant", .unit = "ms", .ours = spreadOf({millisecondsBetween(releasedAt, firstAt)})});
    result.lines.push_back({.what = "from its release until each process has had it",
                            .unit = "ms",
                            .ours = spreadOf({millisecondsBetween(releasedAt, lastAt)})});
    return result;
}

} // namespace Leasehold::Bench
