// The processes of the end-to-end tests. Each is told what to do by its arguments, and talks line by line over stdin and stdout.
//
//     increment STORE-URL LOCK FILE TIMES    says "ready", hears a line, increments the number in FILE under LOCK, TIMES times
//     increment none LOCK FILE TIMES         the same without a lock
//     hold STORE-URL LOCK TTL METADATA       says "granted FENCE", asks isHeld() until it hears a line, then says what it has lost
//     configured FILE LOCK                   takes LOCK in the store that FILE names; says the store's type and the fence
//     block SQLITE-FILE                      opens a transaction, says "blocking", and keeps it until it is killed

#include "Leasehold/Exceptions.h"
#include "Leasehold/History.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/StoreRegistry.h"
#include "Leasehold/loadConfiguration.h"
#include "Leasehold/registerBuiltinStores.h"

#include <Poco/Util/AbstractConfiguration.h>

#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>
#include <sqlite3.h>

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

/// Neither atomic nor guarded: whoever does it alone loses nothing.
void increment(const std::string& path)
{
    int number = 0;
    std::ifstream(path) >> number;
    std::this_thread::sleep_for(std::chrono::microseconds(200)); // a work that takes some time
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
        // Asked again: if it was stopped right after it had asked, that answer was the only one.
        say(lock.isHeld() ? "held" : "not held");
        // What a stale holder could try that does not ask its Lock.
        const LeaseRef lease{name, token, lock.fence()};
        const std::vector<RenewRequest> renewal{{lease, policy.lease.ttl}};
        const auto context = CallContext::within(std::chrono::seconds(20));
        say(store->renew(renewal, context).at(0).status == RenewStatus::lost ? "renewal lost" : "renewal not lost");
        say(store->release(lease, context) == ReleaseStatus::notHeld ? "release refused" : "release accepted");
    };
    // A loaded machine may miss the deadline that a call with a short lease has.
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

int block(const Arguments& arguments)
{
    sqlite3* database = nullptr;
    if (sqlite3_open(arguments.at(1).c_str(), &database) != SQLITE_OK || sqlite3_busy_timeout(database, 10'000) != SQLITE_OK ||
        sqlite3_exec(database, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) != SQLITE_OK)
        throw std::runtime_error(sqlite3_errmsg(database));
    say("blocking");
    hear();
    sqlite3_close(database);
    return 0;
}

int run(const Arguments& arguments)
{
    const auto command = arguments.empty() ? std::string() : arguments[0];
    if (command == "increment")
        return incrementMany(arguments);
    if (command == "hold")
        return hold(arguments);
    if (command == "configured")
        return configured(arguments);
    if (command == "block")
        return block(arguments);
    throw std::invalid_argument("the first argument must be increment, hold, configured or block");
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
