#include "Leasehold/LockManagerService.h"
#include "Leasehold/LockMetrics.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/registerBuiltinStores.h"

#include <Poco/Logger.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

using namespace Leasehold;

namespace
{

using Instant = std::chrono::nanoseconds; // of LocalClock, which the processes of a host share

/// "wait NAME MILLISECONDS": waits so long for the lock and releases it at once. Answers "granted TIME ASKED" or "held TIME ASKED": the
/// local clock in nanoseconds, and the number of requests to the storage.
void wait(LockManagerService& locks, const LockMetrics& metrics, std::istream& order)
{
    std::string name;
    Milliseconds::rep limit = 0;
    order >> name >> limit;
    // The observers get one `waited` for each answer "held".
    const auto askedBefore = metrics.snapshot().waited;
    auto attempt = locks.tryAcquire(name, {.wait = Milliseconds(limit)});
    const Instant now = LocalClock::now().time_since_epoch();
    const auto asked = metrics.snapshot().waited - askedBefore + 1;
    std::cout << (attempt ? "granted " : "held ") << now.count() << " " << asked << std::endl;
    if (attempt)
        attempt->release();
}

/// "loop NAME MILLISECONDS WORK": for so long, acquires the lock with a wait, holds it for WORK milliseconds and releases it, in a loop.
/// Answers "looped GRANTS LONGEST": the longest wait in milliseconds.
void loop(LockManagerService& locks, std::istream& order)
{
    std::string name;
    Milliseconds::rep span = 0, work = 0;
    order >> name >> span >> work;
    const auto end = LocalClock::now() + Milliseconds(span);
    int grants = 0;
    LocalClock::duration longest{0};
    for (auto asked = LocalClock::now(); asked < end; asked = LocalClock::now(), ++grants)
    {
        const auto lock = locks.acquire(name, {.wait = std::chrono::minutes(1)});
        longest = std::max(longest, LocalClock::now() - asked);
        std::this_thread::sleep_for(Milliseconds(work));
    }
    std::cout << "looped " << grants << " " << std::chrono::duration<double, std::milli>(longest).count() << std::endl;
}

} // namespace

/// Another process that wants locks: `leasehold-bench-contender URL`. It writes "ready" and then carries out one order for each line of its
/// standard input.
int main(int argc, char** argv)
{
    try
    {
        if (argc != 2)
            throw std::invalid_argument("usage: leasehold-bench-contender URL");
        Poco::Logger::root().setLevel("error");
        StoreRegistry registry;
        registerBuiltinStores(registry);
        const auto metrics = std::make_shared<LockMetrics>();
        LockManagerService locks(registry.open(argv[1]), {}, {.observers = {metrics}});
        locks.check();
        std::cout << "ready" << std::endl;
        for (std::string line; std::getline(std::cin, line);)
        {
            std::istringstream order(line);
            std::string verb;
            order >> verb;
            if (verb == "wait")
                wait(locks, *metrics, order);
            else if (verb == "loop")
                loop(locks, order);
            else
                throw std::invalid_argument("unknown order \"" + verb + "\"; allowed are wait and loop");
        }
        return 0;
    }
    catch (const std::exception& error)
    {
        std::cerr << "leasehold-bench-contender: " << error.what() << "\n";
        return 1;
    }
}
