// The public names, as the design binds them, in a program of a user.

#include <Leasehold/Exceptions.h>
#include <Leasehold/LockManagerService.h>
#include <Leasehold/MemoryLockStore.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

int failures = 0;

void require(bool right, const char* what)
{
    if (right)
        return;
    std::cerr << "wrong: " << what << '\n';
    ++failures;
}

void useCallbacks(LockManagerService& locks)
{
    require(locks.withLock("my_lock", [] { return 42; }) == 42, "f() gives its result");
    require(locks.withLock("my_lock", [](const Lock& lock) { return lock.fence(); }) > 0, "f(lock) gives its result");

    int target = 0;
    int& same = locks.withLock("my_lock", [&]() -> int& { return target; });
    require(&same == &target, "references come through");

    auto owned = std::make_unique<int>(7);
    auto result = locks.withLock("my_lock", [held = std::move(owned)]() mutable { return std::move(held); },
                                 {.metadata = {{"host", "web-1"}, {"attempt", 3}, {"dryRun", false}}, .wait = 30s});
    require(*result == 7, "move-only callbacks and results work");

    std::optional<int> tried = locks.tryWithLock("my_lock", [] { return 1; });
    require(tried == 1 && locks.tryWithLock("my_lock", [](const Lock&) {}), "tryWithLock gives the result, or that it ran");
    locks.withLock("my_lock", [](const Lock& lock) { lock.requireHeld(2s); }, {.ttl = 10s, .maxHold = forever});
}

void useLocks(LockManagerService& locks)
{
    if (LockAttempt attempt = locks.tryAcquire("my_lock"))
    {
        require(attempt->fence() > 0, "the attempt is the lock");
        LockAttempt second = locks.tryAcquire("my_lock");
        require(!second && second.holder().name == "my_lock", "the second is told who holds it");
        try
        {
            Lock never = locks.acquire("my_lock");
            require(false, "a held lock is not acquired");
        }
        catch (const LockAcquisitionError& error)
        {
            require(error.holder().fence == attempt->fence(), "the error carries the holder");
        }
        require(locks.find("my_lock").has_value() && locks.list({.prefix = "my_"}).size() == 1, "find and list see it");
        require(locks.breakLock("my_lock", attempt->fence(), BreakMode::now), "it is broken");
    }

    Lock lock = locks.acquire("other", {.metadata = Metadata::fromJSON(R"({"a":1})"), .ttl = 5s, .wait = 0ms, .fenceFloor = 1});
    std::stop_token told = lock.lossToken();
    require(lock.name() == "other" && lock.isHeld() && lock.remaining() > 0ms && !told.stop_requested(), "it is held");
    Lock moved;
    moved = std::move(lock);
    require(moved && !lock, "a Lock says whether it is held"); // NOLINT(bugprone-use-after-move)
    moved.release();
    require(!moved, "it is released");
}

} // namespace

int main()
{
    LockManagerService locks(std::make_shared<MemoryLockStore>());
    useCallbacks(locks);
    useLocks(locks);
    require(locks.check().store.type == "memory", "check names the store");
    LockManagerService moved = std::move(locks);
    require(moved.policy().lease.ttl == 30s, "the default ttl is 30 s");
    return failures == 0 ? 0 : 1;
}
