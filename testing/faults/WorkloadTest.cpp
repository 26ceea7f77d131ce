#include "StorageAdapter.h"

#include "Leasehold/Workload.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <iostream>
#include <optional>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The workload on the default storage of a store, with all faults at once: killed and stopped processes and, if it has a server, a network
/// that delays, cuts, swallows, drips and loses replies. LEASEHOLD_TEST_LONG=1: on each of its storages.
class WorkloadTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(WorkloadTest);
    CPPUNIT_TEST(testNoLockHasTwoHoldersUnderFaults);
    CPPUNIT_TEST_SUITE_END();

    /// Asserts minimum counts of work and faults: a run without them proves nothing. A run without faults would reach a multiple of these
    /// counts.
    static void requireWork(const HistoryFindings& findings, const Workload& workload, std::size_t seconds)
    {
        CPPUNIT_ASSERT(findings.grants >= std::max<std::size_t>(seconds, 20));
        CPPUNIT_ASSERT(findings.handedOn >= std::max<std::size_t>(seconds / 20, 2));
        CPPUNIT_ASSERT(findings.guardedWrites >= std::max<std::size_t>(seconds / 2, 10));
        CPPUNIT_ASSERT(findings.heldSamples >= 10 * seconds);
        CPPUNIT_ASSERT(workload.killed() >= seconds / 20);
        CPPUNIT_ASSERT(workload.paused() >= seconds / 20);
    }

    static void suffer(StorageAdapter& storage)
    {
        const auto seed = testSeed();
        auto url = storage.emptyStorage();
        auto* const server = storage.server();
        const auto duration = server ? faultDuration(3min, 10min) : faultDuration(12s, 3min);
        std::optional<FaultyProxy> proxy;
        if (server)
        {
            proxy.emplace(server->port(), seed);
            url = server->urlThrough(proxy->port());
        }
        std::cout << "\n    " << storage.name() << ", " << formatDuration(duration) << ", seed " << seed << std::endl;
        Workload workload(url, seed);
        workload.suffer(faultSchedule(seed, duration, Workload::processes, proxy.has_value()), proxy ? &*proxy : nullptr);
        const auto findings = workload.finish();
        std::cout << "    " << workload.killed() << " killed, " << workload.paused() << " stopped";
        if (proxy)
            std::cout << ", " << proxy->droppedReplies() << " replies dropped, " << proxy->lateRequests() << " requests late";
        std::cout << ": " << findings.describe() << std::endl;

        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, findings.violations.size());
        const auto seconds = static_cast<std::size_t>(duration / 1s);
        requireWork(findings, workload, seconds);
        if (proxy)
        {
            CPPUNIT_ASSERT(findings.losses >= seconds / 20);
            CPPUNIT_ASSERT(findings.unavailable >= seconds / 20);
            CPPUNIT_ASSERT(proxy->droppedReplies() >= seconds / 20);
        }
    }

public:
    void testNoLockHasTwoHoldersUnderFaults()
    {
        for (const auto& kind : storageKinds())
        {
            suffer(sharedStorage(kind));
            if (!isLongTest())
                break;
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WorkloadTest);

} // namespace Leasehold
