// The processes of the end-to-end tests. The arguments choose the job. A process talks line by line over stdin and stdout.
//
//     increment STORE-URL LOCK FILE TIMES    says "ready", hears a line, increments the number in FILE under LOCK, TIMES times
//     increment none LOCK FILE TIMES         the same without a lock
//     compete STORE-URL LOCK THREADS TIMES   says "ready", hears a line, takes LOCK in each thread again and again for 2 ms, says "reached"
//                                            after TIMES grants, goes on until it hears a line, then says "grants NUMBER LONGEST-WAIT-MS"
//     hold STORE-URL LOCK TTL METADATA       says "granted FENCE", asks isHeld() until it hears a line, then says what it has lost
//     configured FILE LOCK                   takes LOCK in the store that FILE names; says the store's type and the fence

#include "Leasehold/Exceptions.h"
#include "Leasehold/History.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/loadConfiguration.h"
#include "Leasehold/registerBuiltinStores.h"

#include <Poco/Util/AbstractConfiguration.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>

namespace Leasehold
{
namespace
{

using Arguments = std::vector<std::string>;

StoreRegistry registry()
{
    StoreRegistry registry;
    registerBuiltinStores(registry);
    return registry;
}

void say(const std::string& line)
{
    std::cout << line << std::endl;
}

void hear()
{
    std::string line;
    std::getline(std::cin, line);
}

bool isTold()
{
    pollfd input{0, POLLIN, 0};
    return ::poll(&input, 1, 0) != 0;
}

std::vector<std::shared_ptr<LockObserver>> quiet()
{
    return {std::make_shared<LockObserver>()};
}

/// The increment is neither atomic nor guarded: it loses no update only if no other process increments at the same time.
void increment(const std::string& path)
{
    int number = 0;
    std::ifstream(path) >> number;
    std::this_thread::sleep_for(std::chrono::microseconds(200)); // stands for work
    std::ofstream(path) << number + 1;
}

int incrementMany(const Arguments& arguments)
{
    const auto& [url, lock, path] = std::tie(arguments.at(1), arguments.at(2), arguments.at(3));
    const int times = std::stoi(arguments.at(4));
    say("ready");
    hear();
    if (url == "none")
    {
        for (int i = 0; i < times; ++i)
            increment(path);
        return 0;
    }
    LockPolicy policy;
    policy.lease.ttl = std::chrono::seconds(15);
    policy.wait.limit = std::chrono::minutes(5);
    policy.wait.backoff = std::make_shared<JitteredBackoff>(Milliseconds{5}, Milliseconds{40});
    LockManagerService locks(registry().open(url), policy, {.observers = quiet()});
    for (int i = 0; i < times; ++i)
        locks.withLock(lock, [&path = path] { increment(path); });
    return 0;
}

/// Works like a program that ignores the others: without a pause, with the default policy.
int compete(const Arguments& arguments)
{
    using Clock = std::chrono::steady_clock;
    const auto& [url, name] = std::tie(arguments.at(1), arguments.at(2));
    const int times = std::stoi(arguments.at(4));
    LockManagerService locks(registry().open(url), {}, {.observers = quiet()});
    std::atomic<int> grants{0};
    std::atomic<Milliseconds::rep> longest{0};
    std::vector<std::jthread> threads;
    say("ready");
    hear();
    const auto loop = [&, name = name](const std::stop_token& end)
    {
        while (!end.stop_requested())
        {
            const auto asked = Clock::now();
            const auto lock = locks.acquire(name, {.wait = std::chrono::minutes(5)});
            longest = std::max(longest.load(),
                               std::chrono::duration_cast<Milliseconds>(Clock::now() - asked).count()); // this thread holds the lock
            std::this_thread::sleep_for(Milliseconds{2});
            if (++grants == times)
                say("reached");
        }
    };
    for (int i = 0; i < std::stoi(arguments.at(3)); ++i)
        threads.emplace_back(loop);
    hear();
    for (auto& thread : threads)
        thread.request_stop();
    const int granted = grants;
    say("grants " + std::to_string(granted) + " " + std::to_string(longest));
    return 0;
}

int hold(const Arguments& arguments)
{
    const auto& name = arguments.at(2);
    const auto store = registry().open(arguments.at(1));
    std::string token;
    LockPolicy policy;
    policy.lease.ttl = parseDuration(arguments.at(3)).value();
    policy.token.draw = [&token] { return token = drawToken(); };
    LockManagerService locks(store, policy, {.observers = quiet()});
    bool isGranted = false;
    const auto holdIt = [&](const Lock& lock)
    {
        isGranted = true;
        say("granted " + std::to_string(lock.fence()));
        HostTime lastHeld = 0;
        while (!isTold())
        {
            const auto before = hostTime();
            if (lock.isHeld())
                lastHeld = before;
        }
        say("lastHeld " + std::to_string(lastHeld));
        // Ask again: if the process was stopped right after a call, that call gave the only answer.
        say(lock.isHeld() ? "held" : "not held");
        // The requests of a stale holder that does not ask its Lock.
        const LeaseRef lease{name, token, lock.fence()};
        const std::vector<RenewRequest> renewal{{lease, policy.lease.ttl}};
        const auto context = CallContext::within(std::chrono::seconds(20));
        say(store->renew(renewal, context).at(0).status == RenewStatus::lost ? "renewal lost" : "renewal not lost");
        say(store->release(lease, context).status == ReleaseStatus::notHeld ? "release refused" : "release accepted");
    };
    // A loaded machine may miss the short deadline of a call with a short lease.
    for (int tries = 1;; ++tries)
    {
        try
        {
            locks.withLock(name, holdIt, {.metadata = Metadata::fromJSON(arguments.at(4)), .wait = std::chrono::minutes(1)});
            say("withLock returned");
            return 0;
        }
        catch (const LockStoreUnavailable&)
        {
            if (isGranted || tries == 100)
                throw;
        }
        catch (const LockLostError& error)
        {
            say(std::string("withLock threw LockLostError, ") + toString(error.reason()));
            return 0;
        }
    }
}

int configured(const Arguments& arguments)
{
    const auto& name = arguments.at(2);
    auto locks = LockManagerService::fromConfiguration(*loadConfiguration(arguments.at(1)), registry(), {.observers = quiet()});
    const auto fence = locks.withLock(name,
                                      [&](const Lock& lock)
                                      {
                                          const auto record = locks.find(name);
                                          if (!record || record->fence != lock.fence())
                                              throw std::runtime_error("the store does not know of the lock");
                                          return lock.fence();
                                      });
    if (locks.find(name))
        throw std::runtime_error("the store still has the lock");
    say(locks.check().store.type + " " + std::to_string(fence));
    return 0;
}

int run(const Arguments& arguments)
{
    const auto command = arguments.empty() ? std::string() : arguments[0];
    if (command == "increment")
        return incrementMany(arguments);
    if (command == "compete")
        return compete(arguments);
    if (command == "hold")
        return hold(arguments);
    if (command == "configured")
        return configured(arguments);
    throw std::invalid_argument("the first argument must be increment, compete, hold or configured");
}

} // namespace
} // namespace Leasehold

int main(int argc, char** argv)
{
    try
    {
        return Leasehold::run({argv + 1, argv + argc});
    }
    catch (const std::exception& error)
    {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
