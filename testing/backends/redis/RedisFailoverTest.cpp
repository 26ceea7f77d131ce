#include "RedisCluster.h"
#include "RedisSentinels.h"

#include "Leasehold/Durations.h"
#include "Leasehold/Workload.h"

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The workload of testing/faults, while primaries are killed and stopped, and slots are moved.
class RedisFailoverTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RedisFailoverTest);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhenSentinelsReplaceThePrimary);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhenAClusterReplacesANode);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhenASlotMoves);
    CPPUNIT_TEST_SUITE_END();

    static int rounds() { return isLongTest() ? 6 : 1; }

    static std::string joined(const std::vector<std::string>& nodes)
    {
        std::string all;
        for (const auto& node : nodes)
            all += (all.empty() ? "" : ",") + node;
        return all;
    }

    static void judge(Workload& workload, std::uint64_t seed)
    {
        const auto findings = workload.finish();
        std::cout << "    seed " << seed << ", " << rounds() << " rounds; " << workload.killed() << " processes killed, "
                  << workload.paused() << " stopped: " << findings.describe() << std::endl;
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, findings.violations.size());
        CPPUNIT_ASSERT(findings.grants >= 20 * static_cast<std::size_t>(rounds()));
        CPPUNIT_ASSERT(findings.unavailable >= static_cast<std::size_t>(rounds()));
    }

public:
    void testNoLockHasTwoHoldersWhenSentinelsReplaceThePrimary()
    {
        const auto seed = testSeed();
        RedisSentinels group(RedisKind::redis7, {"--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"});
        Workload workload("redis+sentinel://" + joined(group.nodes()) + "/" + RedisSentinels::primaryName + "?pause_after_start=0s", seed);
        std::cout << std::endl;
        workload.sufferUntilGranted(seed, 3s, hostTime());
        for (int round = 1; round <= rounds(); ++round)
        {
            const auto number = seed + 3 * static_cast<std::uint64_t>(round);
            const auto killed = group.primary();
            const auto killedAt = hostTime();
            group.server(killed).kill();
            const auto afterKill = workload.sufferUntilGranted(number, 3s, killedAt);
            CPPUNIT_ASSERT(group.primary() != killed);
            group.server(killed).restart();
            group.awaitReplicas();

            const auto stopped = group.primary();
            const auto stoppedAt = hostTime();
            group.server(stopped).pause();
            const auto afterStop = workload.sufferUntilGranted(number + 1, 3s, stoppedAt);
            CPPUNIT_ASSERT(group.primary() != stopped);
            // It continues with all requests that it had received, and acts as the primary until it is demoted.
            group.server(stopped).resume();
            workload.sufferUntilGranted(number + 2, 3s, hostTime());
            group.awaitReplicas();
            std::cout << "    round " << round << ": no grant for " << formatDuration(afterKill) << " when the primary was killed, for "
                      << formatDuration(afterStop) << " when the next one was stopped" << std::endl;
        }
        judge(workload, seed);
    }

    void testNoLockHasTwoHoldersWhenAClusterReplacesANode()
    {
        const auto seed = testSeed();
        RedisCluster cluster(RedisKind::valkey8, true);
        // A primary that was promoted has no replica that could confirm a grant until the killed node is back.
        Workload workload("redis://" + joined(cluster.nodes()) + "?replicas=0&pause_after_start=0s", seed);
        std::cout << std::endl;
        workload.sufferUntilGranted(seed, 3s, hostTime());
        for (int round = 1; round <= rounds(); ++round)
        {
            const auto owner = cluster.ownerOf("leasehold");
            const auto killedAt = hostTime();
            cluster.node(owner).kill();
            const auto afterKill = workload.sufferUntilGranted(seed + static_cast<std::uint64_t>(round), 3s, killedAt);
            CPPUNIT_ASSERT(cluster.ownerOf("leasehold") != owner);
            cluster.node(owner).restart();
            cluster.awaitComplete();
            std::cout << "    round " << round << ": no grant for " << formatDuration(afterKill) << " when the node was killed"
                      << std::endl;
        }
        judge(workload, seed);
    }

    void testNoLockHasTwoHoldersWhenASlotMoves()
    {
        const auto seed = testSeed();
        RedisCluster cluster(RedisKind::redis7, false);
        Workload workload("redis://" + joined(cluster.nodes()) + "?replicas=0&pause_after_start=0s", seed);
        std::cout << std::endl;
        workload.sufferUntilGranted(seed, 3s, hostTime());
        for (int round = 1; round <= rounds(); ++round)
        {
            const auto target = (cluster.ownerOf("leasehold") + 1) % RedisCluster::primaries;
            const auto movedAt = hostTime();
            cluster.moveSlot("leasehold", target, [&] { workload.work(500ms); });
            const auto afterMove = workload.sufferUntilGranted(seed + static_cast<std::uint64_t>(round), 3s, movedAt);
            CPPUNIT_ASSERT_EQUAL(target, cluster.ownerOf("leasehold"));
            std::cout << "    round " << round << ": no grant for " << formatDuration(afterMove) << " when the slot moved" << std::endl;
        }
        judge(workload, seed);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisFailoverTest);

} // namespace Leasehold
