#include "Leasehold/EngineNode.h"
#include "Leasehold/Workload.h"

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The workload on a real node, with all that makes trouble at once: killed and stopped processes, and a network that delays,
/// cuts, swallows, drips and loses replies.
class EngineFaultsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EngineFaultsTest);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhateverTheNetworkAndTheProcessesDo);
    CPPUNIT_TEST_SUITE_END();

public:
    void testNoLockHasTwoHoldersWhateverTheNetworkAndTheProcessesDo()
    {
        const auto seed = testSeed();
        const auto duration = faultDuration(3min, 10min);
        EngineNode node(EngineKind::openSearch3);
        FaultyProxy proxy(node.port(), seed);
        std::cout << "\n    " << toString(EngineKind::openSearch3) << ", " << formatDuration(duration) << ", seed " << seed << std::endl;
        Workload workload("elasticsearch+http://127.0.0.1:" + std::to_string(proxy.port()) + "/faults?replicas=0", seed);
        workload.suffer(faultSchedule(seed, duration, Workload::processes, true), &proxy);
        const auto findings = workload.finish();
        std::cout << "    " << workload.killed() << " killed, " << workload.paused() << " stopped, " << proxy.droppedReplies()
                  << " replies dropped, " << proxy.lateRequests() << " requests late: " << findings.describe() << std::endl;
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, findings.violationsInAll);

        // All of it happened; a run in which nobody worked or nothing went wrong shows nothing. A sound network alone would do a
        // multiple of these.
        const auto seconds = static_cast<std::size_t>(duration / 1s);
        CPPUNIT_ASSERT(findings.grants >= seconds);
        CPPUNIT_ASSERT(findings.handedOn >= seconds / 20);
        CPPUNIT_ASSERT(findings.guardedWrites >= seconds / 2);
        CPPUNIT_ASSERT(findings.heldSamples >= 10 * seconds);
        CPPUNIT_ASSERT(findings.losses >= seconds / 20);
        CPPUNIT_ASSERT(findings.unavailable >= seconds / 20);
        CPPUNIT_ASSERT(workload.killed() >= seconds / 20);
        CPPUNIT_ASSERT(workload.paused() >= seconds / 20);
        CPPUNIT_ASSERT(proxy.droppedReplies() >= seconds / 20);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineFaultsTest);

} // namespace Leasehold
