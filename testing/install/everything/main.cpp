// A program that uses something of every component.

#include <Leasehold/Exceptions.h>
#include <Leasehold/FakeElasticsearchServer.h>
#include <Leasehold/LockManagerService.h>
#include <Leasehold/ManualClock.h>
#include <Leasehold/MemoryLockStore.h>
#include <Leasehold/SQLiteLockStore.h>
#include <Leasehold/Store/StoreRegistry.h>
#include <Leasehold/TestRunner.h>
#include <Leasehold/registerBuiltinStores.h>

#include <iostream>

using namespace std::chrono_literals;

int main(int argc, char**)
{
    if (argc > 5)
        return Leasehold::runTests(0, nullptr);

    Leasehold::StoreRegistry registry;
    Leasehold::registerBuiltinStores(registry);
    Leasehold::registerFakeElasticsearchStore(registry);
    int expected = 0;
    for (const auto& type : registry.types())
    {
        std::cout << type << '\n';
        expected += type == "memory" || type == "sqlite" || type == "fake_elasticsearch" ? 1 : 0;
    }
    if (expected != 3)
        return 1;

    const auto clock = std::make_shared<Leasehold::ManualClock>();
    Leasehold::LockManagerService locks(std::make_shared<Leasehold::MemoryLockStore>(clock), {}, {.clock = clock});
    const auto lock = locks.acquire("everything");
    clock->advance(10min);
    return lock.isHeld() ? 0 : 1;
}
