// Only RefusedCallbacksTest compiles this file; it is never linked. It compiles without REFUSED, so each failure with REFUSED comes from
// the refused code.
#include "Leasehold/LockManagerService.h"

#include <future>
#include <string>

void use(Leasehold::LockManagerService& locks)
{
    locks.withLock("job", [] {});
    locks.withLock("job", [](const Leasehold::Lock&) { return std::string(); });
    if (locks.tryWithLock("job", [] {}) && locks.tryWithLock("job", [] { return 1; }) == 1)
        return;
#ifdef REFUSED
    locks.withLock("other arguments", [](int) {});
    locks.withLock("a lock to change", [](Leasehold::Lock&) {});
    locks.withLock("no function", 42);
    locks.withLock("a future", [] { return std::async([] { return 1; }); });
    locks.withLock("a shared future", [](const Leasehold::Lock&) { return std::shared_future<void>(); });
    std::future<int> kept;
    locks.withLock("a reference to a future", [&]() -> std::future<int>& { return kept; });
    static_cast<void>(locks.tryWithLock("other arguments", [](int) {}));
    static_cast<void>(locks.tryWithLock("a future", [] { return std::async([] { return 1; }); }));
    static int number = 0;
    static_cast<void>(locks.tryWithLock("a reference", []() -> int& { return number; }));
    locks.tryWithLock("nobody knows whether it ran", [] {});
    locks.breakLock("nobody knows whether it was broken", 1);
    locks.acquire("nobody holds what is released at once");
#endif
}
