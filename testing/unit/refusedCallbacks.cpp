// Compiled by RefusedCallbacksTest alone, and never linked. Without REFUSED it compiles, which shows that the rest fails for its own
// reason.
#include "Leasehold/LockManagerService.h"

#include <future>
#include <string>

void use(Leasehold::LockManagerService& locks)
{
    locks.withLock("job", [] {});
    locks.withLock("job", [](const Leasehold::Lock&) { return std::string(); });
#ifdef REFUSED
    locks.withLock("other arguments", [](int) {});
    locks.withLock("a lock to change", [](Leasehold::Lock&) {});
    locks.withLock("no function", 42);
    locks.withLock("a future", [] { return std::async([] { return 1; }); });
    locks.withLock("a shared future", [](const Leasehold::Lock&) { return std::shared_future<void>(); });
    std::future<int> kept;
    locks.withLock("a reference to a future", [&]() -> std::future<int>& { return kept; });
    locks.acquire("nobody holds what is released at once");
#endif
}
