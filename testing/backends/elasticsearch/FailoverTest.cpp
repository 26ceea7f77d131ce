#include "EngineCluster.h"
#include "Leasehold/Workload.h"
#include "Leasehold/waitUntil.h"

#include <Poco/Exception.h>

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>
#include <optional>
#include <sstream>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The workload on three real nodes. The test kills or stops one after the other, also the primary's.
class FailoverTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FailoverTest);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhenNodesFail);
    CPPUNIT_TEST_SUITE_END();

    static constexpr std::size_t nodes = 3;
    static constexpr const char* index = "failover";

    /// The cluster notices a stopped node after half a minute. The short test sets this to a few seconds; the long one uses the default.
    static std::vector<std::string> settings()
    {
        std::vector<std::string> settings{"cluster.no_cluster_manager_block: write"};
        for (const std::string check : {"follower_check", "leader_check"})
        {
            if (isLongTest())
                continue;
            settings.push_back("cluster.fault_detection." + check + ".timeout: 3s");
            settings.push_back("cluster.fault_detection." + check + ".retry_count: 2");
        }
        return settings;
    }

    static std::string url(EngineCluster& cluster)
    {
        std::string url = "elasticsearch+http://";
        for (std::size_t each = 0; each < cluster.size(); ++each)
            url += (each == 0 ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(cluster.node(each).port());
        return url + "/" + index + "?replicas=2";
    }

    /// The answer of the first node other than `without`.
    static EngineReply ask(EngineCluster& cluster, std::optional<std::size_t> without, const std::string& path)
    {
        return cluster.node(without == std::size_t{0} ? 1 : 0).ask("GET", path);
    }

    static std::optional<std::size_t> primary(EngineCluster& cluster, std::optional<std::size_t> without = {})
    {
        std::istringstream line(ask(cluster, without, std::string("/_cat/shards/") + index + "-1?h=prirep,node&s=prirep").body);
        std::string copy, name;
        line >> copy >> name;
        for (std::size_t each = 0; each < cluster.size(); ++each)
        {
            if (copy == "p" && name == "node-" + std::to_string(cluster.node(each).port()))
                return each;
        }
        return std::nullopt;
    }

    /// Returns when every node has its copy of the index.
    static void awaitGreen(EngineCluster& cluster)
    {
        const auto isGreen = [&]
        {
            try
            {
                return ask(cluster, {}, "/_cluster/health?wait_for_status=green&wait_for_nodes=3&timeout=10s").status == 200;
            }
            catch (const Poco::Exception&)
            {
                return false; // a node that was just continued may need a while
            }
        };
        CPPUNIT_ASSERT_MESSAGE("the cluster does not become green", waitUntil(isGreen, 3min));
    }

public:
    void testNoLockHasTwoHoldersWhenNodesFail()
    {
        const auto seed = testSeed();
        const int rounds = isLongTest() ? 6 : 2;
        EngineCluster cluster(EngineKind::openSearch3, nodes, {.settings = settings(), .heapMegabytes = 320});
        std::cout << "\n    " << nodes << " nodes of " << toString(EngineKind::openSearch3) << ", " << rounds << " rounds, seed " << seed
                  << std::endl;
        Workload workload(url(cluster), seed);
        workload.sufferUntilGranted(seed, 4s, hostTime());
        awaitGreen(cluster);
        for (int round = 1; round <= rounds; ++round)
        {
            const auto number = static_cast<std::uint64_t>(round);
            const auto killed = primary(cluster);
            CPPUNIT_ASSERT(killed);
            const auto killedAt = hostTime();
            cluster.node(*killed).kill();
            const auto afterKill = workload.sufferUntilGranted(seed + 3 * number, 4s, killedAt);
            CPPUNIT_ASSERT(primary(cluster, killed) != killed);
            cluster.node(*killed).restart();
            awaitGreen(cluster);

            const auto stopped = primary(cluster);
            CPPUNIT_ASSERT(stopped && stopped != killed);
            const auto stoppedAt = hostTime();
            cluster.node(*stopped).pause();
            const auto afterStop = workload.sufferUntilGranted(seed + 3 * number + 1, 4s, stoppedAt);
            CPPUNIT_ASSERT(primary(cluster, stopped) != stopped);
            // The node continues with all requests that it had received, and acts as the primary for a moment.
            cluster.node(*stopped).resume();
            workload.sufferUntilGranted(seed + 3 * number + 2, 4s, hostTime());
            awaitGreen(cluster);
            std::cout << "    round " << round << ": no grant for " << formatDuration(afterKill)
                      << " when the primary's node was killed, for " << formatDuration(afterStop) << " when the next one's was stopped"
                      << std::endl;
        }
        const auto findings = workload.finish();
        std::cout << "    " << workload.killed() << " processes killed, " << workload.paused() << " stopped: " << findings.describe()
                  << std::endl;
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, findings.violations.size());
        const auto each = static_cast<std::size_t>(rounds);
        CPPUNIT_ASSERT(findings.grants >= 100 * each);
        CPPUNIT_ASSERT(findings.guardedWrites >= 50 * each);
        CPPUNIT_ASSERT(findings.losses >= each);
        CPPUNIT_ASSERT(findings.unavailable >= each);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FailoverTest);

} // namespace Leasehold
