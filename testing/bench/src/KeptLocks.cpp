#include "KeptLocks.h"

#include "ThreadCrew.h"

#include <algorithm>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace Leasehold::Bench
{

std::vector<Lock> acquireLocks(LockManagerService& locks, const std::string& prefix, std::size_t count, std::size_t threads, Seconds over)
{
    std::mt19937 random(20);
    std::uniform_real_distribution<double> moment(0, over.count());
    std::vector<double> moments(count);
    std::generate(moments.begin(), moments.end(), [&] { return moment(random); });
    std::sort(moments.begin(), moments.end());

    std::vector<Lock> acquired;
    acquired.reserve(count);
    std::mutex mutex;
    const auto began = std::chrono::steady_clock::now();
    runCrew(threads,
            [&](std::size_t thread)
            {
                std::vector<Lock> own;
                for (auto number = thread; number < count; number += threads)
                {
                    if (over.count() > 0)
                        std::this_thread::sleep_until(
                            began + std::chrono::duration_cast<std::chrono::steady_clock::duration>(Seconds(moments[number])));
                    own.push_back(locks.acquire(prefix + std::to_string(number)));
                }
                const std::lock_guard guard(mutex);
                std::move(own.begin(), own.end(), std::back_inserter(acquired));
            });
    return acquired;
}

Keeping keepFor(Seconds span, std::optional<pid_t> server)
{
    const auto began = std::chrono::steady_clock::now();
    const auto clientBefore = usageOf();
    const double serverBefore = server ? cpuSecondsOfTree(*server) : 0;
    std::this_thread::sleep_for(span);
    Keeping keeping;
    keeping.client = usageOf();
    const double serverAfter = server ? cpuSecondsOfTree(*server) : 0;
    keeping.seconds = Seconds(std::chrono::steady_clock::now() - began).count();
    keeping.clientCore = 100 * (keeping.client.cpuSeconds - clientBefore.cpuSeconds) / keeping.seconds;
    if (server)
        keeping.serverCore = 100 * (serverAfter - serverBefore) / keeping.seconds;
    return keeping;
}

std::size_t countHeld(const std::vector<Lock>& locks)
{
    return static_cast<std::size_t>(std::count_if(locks.begin(), locks.end(), [](const Lock& lock) { return lock.isHeld(); }));
}

void releaseLocks(std::vector<Lock>& locks, std::size_t threads)
{
    runCrew(threads,
            [&](std::size_t thread)
            {
                for (auto number = thread; number < locks.size(); number += threads)
                    if (locks[number].isHeld())
                        locks[number].release();
            });
    locks.clear();
}

} // namespace Leasehold::Bench
