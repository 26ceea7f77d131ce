#include "scenarios.h"

#include "Scenario.h"

namespace Leasehold::Bench
{

const std::vector<Scenario>& scenarios()
{
    static const std::vector<Scenario> all{
#ifdef LEASEHOLD_BENCH_SMALL_STEPS
        {"small-steps", "the small steps by themselves, in processor time", measureSmallSteps},
#endif
        {"memory-pair", "acquire + release in memory, through the service", measureMemoryPair},
        {"memory-million", "a million locks kept in memory", measureMillionLocks},
        {"sqlite-pair-full", "acquire + release in SQLite, durability full", measureSQLitePairsFull},
        {"sqlite-pair-normal", "acquire + release in SQLite, durability normal", measureSQLitePairsNormal},
        {"command", "a command under a lock: leasehold run NAME -- true", measureCommand},
        {"engine-pair", "acquire + release on the engine, one thread", measureEnginePair},
        {"engine-threads", "acquire + release on the engine, many threads", measureEngineThreads},
        {"engine-contention", "one lock on the engine that many threads want", measureEngineContention},
        {"engine-keep-10000", "ten thousand locks kept on the engine for a minute", measureKeepingTenThousand},
        {"engine-keep-100000", "a hundred thousand locks kept on one node", measureKeepingHundredThousand},
        {"engine-loss", "from losing the store to the loss token", measureLossPrecision},
        {"engine-hand-over", "from a release to the grant of a waiter", measureHandOver},
        {"engine-waiters", "a hundred processes that wait for one lock", measureWaitingProcesses},
        {"engine-bulk-size", "renewals in one request: which size is best", measureBulkSize},
        {"engine-churn", "locks of ever new names, and prune", measureChurn},
    };
    return all;
}

} // namespace Leasehold::Bench
