#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/LockMetrics.h"

#include <Poco/Logger.h>

#include <iostream>
#include <string>

/// One process that waits for a lock: `leasehold-bench-waiter URL INDEX`. For each line "NAME MILLISECONDS" on its standard input it waits
/// so long for the lock, gives it back at once if it gets it, and answers "granted TIME ASKED" or "held TIME ASKED": the local clock in
/// nanoseconds, and how often it asked the storage.
int main(int argc, char** argv)
{
    using namespace Leasehold;
    if (argc != 3)
    {
        std::cerr << "usage: leasehold-bench-waiter URL INDEX\n";
        return 64;
    }
    try
    {
        Poco::Logger::root().setLevel("error");
        ElasticsearchOptions options;
        options.nodes = {argv[1]};
        options.index = argv[2];
        options.replicas = 0;
        const auto metrics = std::make_shared<LockMetrics>();
        LockManagerService locks(std::make_shared<ElasticsearchLockStore>(options), {}, {.observers = {metrics}});
        locks.check();
        std::cout << "ready" << std::endl;
        std::string name;
        for (Milliseconds::rep wait = 0; std::cin >> name >> wait;)
        {
            // Each answer that says "held" is told as waited once.
            const auto askedBefore = metrics->snapshot().waited;
            LockOptions wish;
            wish.wait = Milliseconds(wait);
            auto attempt = locks.tryAcquire(name, wish);
            const auto now = Clock::system()->now().time_since_epoch().count();
            const auto asked = metrics->snapshot().waited - askedBefore + 1;
            std::cout << (attempt ? "granted " : "held ") << now << " " << asked << std::endl;
            if (attempt)
                attempt->release();
        }
        return 0;
    }
    catch (const std::exception& error)
    {
        std::cerr << "leasehold-bench-waiter: " << error.what() << "\n";
        return 1;
    }
}
