// Uses a store of one's own: one line registers it, a configuration chooses it, and the rest of the program is the same for every store.
//
//     custom_store directory.properties

#include "DirectoryLockStore.h"

#include <Leasehold/Exceptions.h>
#include <Leasehold/LockManagerService.h>
#include <Leasehold/MemoryLockStore.h>
#include <Leasehold/Store/StoreRegistry.h>
#include <Leasehold/loadConfiguration.h>

#include <Poco/Util/AbstractConfiguration.h>

#include <iostream>

int main(int argc, char** argv)
{
    if (argc != 2)
    {
        std::cerr << "usage: custom_store CONFIGURATION\n";
        return 64;
    }
    try
    {
        Leasehold::StoreRegistry registry;
        Leasehold::registerMemoryStore(registry);
        registerDirectoryStore(registry); // the one line
        auto locks = Leasehold::LockManagerService::fromConfiguration(*Leasehold::loadConfiguration(argv[1]), registry);
        locks.withLock("nightly",
                       [](const Leasehold::Lock& lock) { std::cout << "holding \"nightly\" with fence " << lock.fence() << std::endl; });
        return 0;
    }
    catch (const Leasehold::LockException& error)
    {
        std::cerr << error.message() << std::endl;
        return 1;
    }
}
