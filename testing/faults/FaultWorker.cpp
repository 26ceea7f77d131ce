// One process of a Workload: its threads use the locks of a store until its stdin ends, and record what they observe.
//
//     leasehold-fault-worker STORE-URL FOLDER HISTORY NAME SEED

#include "Leasehold/Exceptions.h"
#include "Leasehold/History.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/UpdateFile.h"
#include "Leasehold/Workload.h"
#include "Leasehold/registerBuiltinStores.h"
#include "Leasehold/waitUntil.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>

namespace Leasehold
{
namespace
{

LockPolicy policy()
{
    LockPolicy policy;
    policy.lease.ttl = std::chrono::seconds(2);
    policy.wait.limit = std::chrono::seconds(1);
    policy.wait.backoff = std::make_shared<JitteredBackoff>(Milliseconds{10}, Milliseconds{100});
    return policy;
}

/// One thread of the process. All threads share its service and its history.
class FaultWorker
{
public:
    FaultWorker(LockManagerService& locks, HistoryWriter& history, std::string folder, std::string name, std::uint64_t seed) :
        _folder(std::move(folder)), _name(std::move(name)), _random(seed), _history(history), _locks(locks)
    {
    }

    void workOnce(const std::string& lock)
    {
        const auto since = hostTime();
        try
        {
            if (auto attempt = _locks.tryAcquire(lock))
            {
                note(HistoryKind::granted, lock, attempt->fence(), {}, since);
                hold(*attempt);
            }
        }
        catch (const LockStoreUnavailable& error)
        {
            note(HistoryKind::unavailable, lock, 0, error.message(), since);
        }
        catch (const std::exception& error)
        {
            note(HistoryKind::failed, lock, 0, error.what(), since);
        }
    }

private:
    void note(HistoryKind kind, const std::string& lock, Fence fence, const std::string& detail = {}, HostTime since = 0)
    {
        _history.write({hostTime(), kind, lock, fence, since, detail});
    }

    bool sample(const Lock& lock)
    {
        const auto before = hostTime();
        const bool held = lock.isHeld();
        _history.write({before, held ? HistoryKind::heldSample : HistoryKind::notHeldSample, lock.name(), lock.fence(), 0, {}});
        return held;
    }

    void hold(Lock& lock)
    {
        const auto name = lock.name();
        const auto fence = lock.fence();
        const std::stop_callback told(lock.lossToken(), [this, name, fence] { note(HistoryKind::toldLost, name, fence); });
        const bool wasHeld = update(lock);
        if (!wasHeld && !waitUntil([&lock] { return lock.lossToken().stop_requested(); }))
            note(HistoryKind::neverTold, name, fence);
        const auto releasing = hostTime();
        _history.write(
            {releasing, HistoryKind::releasing, name, fence, 0, {}, releasing + std::chrono::nanoseconds(lock.remaining()).count()});
        try
        {
            lock.release();
            note(HistoryKind::released, name, fence);
        }
        catch (const LockLostError& error)
        {
            note(HistoryKind::releaseRefused, name, fence, error.message());
        }
        catch (const LockStoreUnavailable& error)
        {
            note(HistoryKind::releaseUnknown, name, fence, error.message());
        }
    }

    /// Updates each of the lock's resources once: read, work, write. Returns whether the lock was held to the end.
    bool update(const Lock& lock)
    {
        UpdateFile guarded(resourceFile(_folder, lock.name(), "guarded"));
        UpdateFile asking(resourceFile(_folder, lock.name(), "asking"));
        UpdateFile trusting(resourceFile(_folder, lock.name(), "trusting"));
        const auto id = _name + "-" + std::to_string(_updates++);
        if (!sample(lock))
            return false;
        bool entered = true;
        try
        {
            guarded.enter(lock.fence());
        }
        catch (const StaleFenceError& error)
        {
            note(HistoryKind::refused, lock.name(), lock.fence(), error.message());
            entered = false;
        }
        auto guardedIds = guarded.read();
        auto askingIds = asking.read();
        auto trustingIds = trusting.read();

        const bool held = work(lock);

        // The unguarded resources: for one, the writer asks the lock just before it writes; for the other, it does not ask.
        const auto write = [&](const char* resource, auto& ids, auto how)
        {
            ids.push_back(id);
            const auto what = std::string(resource) + " " + id;
            note(HistoryKind::writing, lock.name(), lock.fence(), what);
            how(ids);
            note(HistoryKind::wrote, lock.name(), lock.fence(), what);
        };
        if (lock.isHeld())
            write("asking", askingIds, [&](const auto& ids) { asking.overwrite(ids); });
        write("trusting", trustingIds, [&](const auto& ids) { trusting.overwrite(ids); });
        // The writer of the guarded resource does not ask: the resource itself refuses late writers.
        if (entered)
        {
            try
            {
                write("guarded", guardedIds, [&](const auto& ids) { guarded.overwriteGuarded(lock.fence(), ids); });
            }
            catch (const StaleFenceError& error)
            {
                note(HistoryKind::refused, lock.name(), lock.fence(), error.message());
            }
        }
        return sample(lock) && held;
    }

    /// Some work takes no time, some takes longer than a lease. A loss does not end it.
    bool work(const Lock& lock)
    {
        const auto longest = _random() % 2 == 0 ? 30U : 3000U;
        const auto end = hostTime() + static_cast<HostTime>(_random() % longest) * 1'000'000;
        bool held = true;
        while (hostTime() < end)
        {
            held = sample(lock) && held;
            std::this_thread::sleep_for(Milliseconds{2 + static_cast<int>(_random() % 6)});
        }
        return held;
    }

    const std::string _folder, _name;
    std::mt19937_64 _random;
    std::uint64_t _updates = 0;
    HistoryWriter& _history;
    LockManagerService& _locks;
};

bool inputEnded()
{
    pollfd input{0, POLLIN, 0};
    return ::poll(&input, 1, 0) != 0;
}

int run(char** argv)
{
    StoreRegistry registry;
    registerBuiltinStores(registry);
    LockManagerService locks(registry.open(argv[1]), policy(), {.observers = {std::make_shared<LockObserver>()}});
    HistoryWriter history(argv[3]);
    const std::string name = argv[4];
    std::mt19937_64 random(std::strtoull(argv[5], nullptr, 10));
    std::vector<FaultWorker> workers;
    for (std::size_t i = 0; i < Workload::threads; ++i)
        workers.emplace_back(locks, history, argv[2], name + "-" + std::to_string(i), random());
    std::cout << "ready" << std::endl;
    while (!inputEnded())
    {
        // All threads want the same lock, so that it is handed over between threads.
        const auto lock = workloadLock(random() % Workload::locks);
        std::vector<std::jthread> threads;
        threads.reserve(workers.size());
        for (auto& worker : workers)
            threads.emplace_back([&worker, &lock] { worker.workOnce(lock); });
    }
    return 0;
}

} // namespace
} // namespace Leasehold

int main(int argc, char** argv)
{
    if (argc != 6)
    {
        std::cerr << "usage: " << argv[0] << " STORE-URL FOLDER HISTORY NAME SEED\n";
        return 64;
    }
    try
    {
        return Leasehold::run(argv);
    }
    catch (const std::exception& error)
    {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
