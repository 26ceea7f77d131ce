// The example that this library's model was made for: re-index one index into another, on one host only.
//
//     reindex_with_lock CONFIGURATION NODE SOURCE TARGET [DOCUMENTS-PER-SECOND]
//     reindex_with_lock config/elasticsearch.properties http://127.0.0.1:9200 orders orders-v2
//
// Start it on several hosts at once, from cron say: one does the work, the others say who does it and end. Exit status: 0 done,
// 75 another is at it, 64 wrong usage, 1 trouble.

#include "SearchNode.h"

#include <Leasehold/Exceptions.h>
#include <Leasehold/LockManagerService.h>
#include <Leasehold/Store/StoreRegistry.h>
#include <Leasehold/loadConfiguration.h>
#include <Leasehold/registerBuiltinStores.h>

#include <Poco/Environment.h>
#include <Poco/NumberParser.h>
#include <Poco/Process.h>
#include <Poco/Util/AbstractConfiguration.h>

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>

using namespace std::chrono_literals;

namespace
{

enum Outcome : int
{
    done = 0,
    trouble = 1,
    usage = 64,
    anotherIsAtIt = 75
};

/// Waits a little, less if the lock is lost meanwhile.
void pauseUnlessLost(const Leasehold::Lock& lock)
{
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock guard(mutex);
    never.wait_for(guard, lock.lossToken(), 200ms, [] { return false; });
}

/// Copies the documents and returns how many. If the lock is lost, the copying is cancelled and LockLostError thrown: another
/// host may have begun.
long long reindex(SearchNode& node, const std::string& source, const std::string& target, int pace, const Leasehold::Lock& lock)
{
    const auto task = node.startReindex(source, target, pace);
    for (;;)
    {
        const auto progress = node.progressOf(task);
        if (progress.completed)
            return progress.copied;
        pauseUnlessLost(lock);
        if (!lock.isHeld())
            node.cancel(task);
        lock.requireHeld();
    }
}

int run(const std::string& configuration, const std::string& url, const std::string& source, const std::string& target, int pace)
{
    SearchNode node(url);

    //! [the example of README.md]
    Leasehold::StoreRegistry registry;
    Leasehold::registerBuiltinStores(registry);
    auto locks = Leasehold::LockManagerService::fromConfiguration(*Leasehold::loadConfiguration(configuration), registry);
    try
    {
        const auto copied = locks.withLock("reindex " + source,
                                           [&](const Leasehold::Lock& lock)
                                           {
                                               std::cout << "re-indexing " << source << " into " << target << std::endl;
                                               return reindex(node, source, target, pace, lock); // the lock is renewed meanwhile
                                           },
                                           {.metadata = {{"host", Poco::Environment::nodeName()}, {"pid", Poco::Process::id()}}});
        std::cout << "copied " << copied << " documents" << std::endl;
        return done;
    }
    catch (const Leasehold::LockAcquisitionError& held)
    {
        std::cout << "skipped: " << held.what() << std::endl; // lock "reindex orders" in ... is held by web-3 (pid 4711) since ...
        return anotherIsAtIt;
    }
    //! [the example of README.md]
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 5 && argc != 6)
    {
        std::cerr << "usage: " << argv[0] << " CONFIGURATION NODE SOURCE TARGET [DOCUMENTS-PER-SECOND]\n";
        return usage;
    }
    int pace = 0; // as fast as it goes
    if (argc == 6 && (!Poco::NumberParser::tryParse(argv[5], pace) || pace < 1))
    {
        std::cerr << argv[0] << ": DOCUMENTS-PER-SECOND is \"" << argv[5] << "\"; allowed is a whole number, 1 or more\n";
        return usage;
    }
    try
    {
        return run(argv[1], argv[2], argv[3], argv[4], pace);
    }
    catch (const Poco::Exception& error)
    {
        std::cerr << error.displayText() << '\n';
    }
    catch (const std::exception& error)
    {
        std::cerr << error.what() << '\n';
    }
    return trouble;
}
