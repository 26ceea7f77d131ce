#include "PostgresServer.h"

#include "Leasehold/Durations.h"
#include "Leasehold/Workload.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <iostream>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The workload of testing/faults, while a synchronous standby takes the place of its primary.
class PostgreSQLFailoverTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(PostgreSQLFailoverTest);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhenASynchronousStandbyIsPromoted);
    CPPUNIT_TEST_SUITE_END();

    static int rounds() { return isLongTest() ? 6 : 1; }

public:
    void testNoLockHasTwoHoldersWhenASynchronousStandbyIsPromoted()
    {
        std::cout << std::endl;
        for (int round = 1; round <= rounds(); ++round)
        {
            const auto seed = testSeed() + static_cast<std::uint64_t>(round);
            PostgresServer primary("postgresql15");
            PostgresServer standby("postgresql15", {.primary = &primary});
            primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
            primary.query("SELECT pg_reload_conf()");
            const auto isSynchronous = [&]
            { return primary.value("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1"; };
            CPPUNIT_ASSERT(waitUntil(isSynchronous, 30s));
            Workload workload("postgresql://127.0.0.1:" + std::to_string(primary.port()) + ",127.0.0.1:" + std::to_string(standby.port()) +
                                  "/leasehold?user=lease&sslmode=disable",
                              seed);
            workload.sufferUntilGranted(seed, 3s, hostTime());
            const auto killedAt = hostTime();
            primary.kill();
            standby.promote();
            const auto afterKill = workload.sufferUntilGranted(seed + 1, 3s, killedAt);
            const auto findings = workload.finish();
            std::cout << "    round " << round << ": no grant for " << formatDuration(afterKill) << "; seed " << seed << "; "
                      << workload.killed() << " processes killed, " << workload.paused() << " stopped: " << findings.describe()
                      << std::endl;
            CPPUNIT_ASSERT_EQUAL(std::size_t{0}, findings.violationsInAll);
            CPPUNIT_ASSERT(findings.grants >= 20);
            CPPUNIT_ASSERT(findings.unavailable >= 1);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLFailoverTest);

} // namespace Leasehold
