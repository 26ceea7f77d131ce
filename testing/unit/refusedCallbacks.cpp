// Compiled by RefusedCallbacksTest alone, a CASE at a time, and never linked.
#include "Leasehold/LockManagerService.h"

#include <future>
#include <string>

void use(Leasehold::LockManagerService& locks)
{
#if CASE == 0 // compiles: it shows that the others fail for their own reason
    locks.withLock("job", [] {});
    locks.withLock("job", [](const Leasehold::Lock&) { return std::string(); });
#elif CASE == 1
    locks.withLock("job", [](int) {});
#elif CASE == 2
    locks.withLock("job", [](Leasehold::Lock&) {});
#elif CASE == 3
    locks.withLock("job", 42);
#elif CASE == 4
    locks.withLock("job", [] { return std::async([] { return 1; }); });
#elif CASE == 5
    locks.withLock("job", [](const Leasehold::Lock&) { return std::shared_future<void>(); });
#elif CASE == 6
    std::future<int> kept;
    locks.withLock("job", [&]() -> std::future<int>& { return kept; });
#elif CASE == 7
    locks.acquire("job"); // nobody holds what is released at once
#endif
}
