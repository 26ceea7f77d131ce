#include "scenarios.h"

#include "Scenario.h"

namespace Leasehold::Bench
{

const std::vector<Scenario>& scenarios()
{
    static const std::vector<Scenario> all{
        {"memory-pair", "acquire + release in memory, through the service", measureMemoryPair},
        {"memory-million", "a million locks kept in memory", measureMillionLocks},
        {"sqlite-pair-full", "acquire + release in SQLite, durability full", measureSQLitePairsFull},
        {"sqlite-pair-normal", "acquire + release in SQLite, durability normal", measureSQLitePairsNormal},
        {"command", "a command under a lock: leasehold run NAME -- true", measureCommand},
    };
    return all;
}

} // namespace Leasehold::Bench
