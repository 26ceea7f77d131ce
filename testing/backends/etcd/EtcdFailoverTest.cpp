#include "EtcdCluster.h"

#include "Leasehold/Workload.h"

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The workload of testing/faults on three nodes. In each round the leader is killed, the next leader stopped, and a follower stopped.
class EtcdFailoverTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EtcdFailoverTest);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhenNodesFail);
    CPPUNIT_TEST_SUITE_END();

    static std::string url(EtcdCluster& cluster)
    {
        std::string url = "etcd+http://";
        for (std::size_t each = 0; each < EtcdCluster::size; ++each)
            url += (each == 0 ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(cluster.node(each).port());
        return url + "/failover";
    }

public:
    void testNoLockHasTwoHoldersWhenNodesFail()
    {
        const auto seed = testSeed();
        const int rounds = isLongTest() ? 6 : 1;
        EtcdCluster cluster(EtcdKind::etcd34);
        std::cout << "\n    three nodes of " << cluster.node(0).name() << ", " << rounds << " rounds, seed " << seed << std::endl;
        Workload workload(url(cluster), seed);
        workload.sufferUntilGranted(seed, 4s, hostTime());
        for (int round = 1; round <= rounds; ++round)
        {
            const auto number = 10 * static_cast<std::uint64_t>(round);
            const auto killed = cluster.leader();
            const auto killedAt = hostTime();
            cluster.node(killed).kill();
            const auto afterKill = workload.sufferUntilGranted(seed + number, 4s, killedAt);
            CPPUNIT_ASSERT(cluster.leader(killed) != killed);
            cluster.node(killed).restart();
            cluster.awaitHealth();

            const auto stopped = cluster.leader();
            const auto stoppedAt = hostTime();
            cluster.node(stopped).pause();
            const auto afterStop = workload.sufferUntilGranted(seed + number + 1, 4s, stoppedAt);
            CPPUNIT_ASSERT(cluster.leader(stopped) != stopped);
            cluster.node(stopped).resume();
            cluster.awaitHealth();

            const auto follower = (cluster.leader() + 1) % EtcdCluster::size;
            const auto followerAt = hostTime();
            cluster.node(follower).pause();
            const auto afterFollower = workload.sufferUntilGranted(seed + number + 2, 4s, followerAt);
            cluster.node(follower).resume();
            cluster.awaitHealth();
            std::cout << "    round " << round << ": no grant for " << formatDuration(afterKill) << " when the leader was killed, for "
                      << formatDuration(afterStop) << " when it was stopped, for " << formatDuration(afterFollower)
                      << " when a follower was stopped" << std::endl;
        }
        const auto findings = workload.finish();
        std::cout << "    " << workload.killed() << " processes killed, " << workload.paused() << " stopped: " << findings.describe()
                  << std::endl;
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, findings.violations.size());
        const auto each = static_cast<std::size_t>(rounds);
        CPPUNIT_ASSERT(findings.grants >= 20 * each);
        CPPUNIT_ASSERT(findings.guardedWrites >= 20 * each);
        CPPUNIT_ASSERT(findings.unavailable >= each);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EtcdFailoverTest);

} // namespace Leasehold
