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

/// The workload of testing/faults, while a standby takes the place of its primary.
class PostgreSQLFailoverTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(PostgreSQLFailoverTest);
    CPPUNIT_TEST(testNoLockHasTwoHoldersWhenASynchronousStandbyIsPromoted);
    CPPUNIT_TEST(testFencesProtectWhenAnAsynchronousStandbyIsPromoted);
    CPPUNIT_TEST_SUITE_END();

    static int rounds() { return isLongTest() ? 6 : 1; }

    static std::string url(const PostgresServer& primary, const PostgresServer& standby)
    {
        return "postgresql://lease@127.0.0.1:" + std::to_string(primary.port()) + ",127.0.0.1:" + std::to_string(standby.port()) +
               "/leasehold?sslmode=disable";
    }

    /// The workload, until the standby has taken the primary's place and locks are granted again.
    static HistoryFindings failOver(PostgresServer& primary, PostgresServer& standby, int round, Milliseconds lag)
    {
        const auto seed = testSeed() + static_cast<std::uint64_t>(round);
        Workload workload(url(primary, standby), seed);
        workload.sufferUntilGranted(seed, 3s, hostTime());
        if (lag > 0ms)
        {
            standby.query("ALTER SYSTEM SET primary_conninfo = ''");
            standby.query("SELECT pg_reload_conf()");
            workload.work(lag);
        }
        const auto killedAt = hostTime();
        primary.kill();
        standby.promote();
        const auto afterKill = workload.sufferUntilGranted(seed + 1, 3s, killedAt);
        auto findings = workload.finish();
        std::cout << "    round " << round << ": no grant for " << formatDuration(afterKill) << "; seed " << seed << "; "
                  << workload.killed() << " processes killed, " << workload.paused() << " stopped: " << findings.describe() << std::endl;
        CPPUNIT_ASSERT(findings.grants >= 20);
        CPPUNIT_ASSERT(findings.unavailable >= 1);
        return findings;
    }

public:
    void testNoLockHasTwoHoldersWhenASynchronousStandbyIsPromoted()
    {
        std::cout << std::endl;
        for (int round = 1; round <= rounds(); ++round)
        {
            PostgresServer primary("postgresql15");
            PostgresServer standby("postgresql15", {.primary = &primary});
            primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
            primary.query("SELECT pg_reload_conf()");
            const auto isSynchronous = [&]
            { return primary.value("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1"; };
            CPPUNIT_ASSERT(waitUntil(isSynchronous, 30s));
            CPPUNIT_ASSERT_EQUAL(std::size_t{0}, failOver(primary, standby, round, 0ms).violations.size());
        }
    }

    /// The standby lacks the grants and renewals of the last second. So two processes may hold a lock, which operating.md says. But the
    /// resource that checks fences must lose nothing, and each holder must be told.
    void testFencesProtectWhenAnAsynchronousStandbyIsPromoted()
    {
        std::cout << std::endl;
        for (int round = 1; round <= rounds(); ++round)
        {
            PostgresServer primary("postgresql15");
            PostgresServer standby("postgresql15", {.primary = &primary});
            const auto findings = failOver(primary, standby, round, 1s);
            CPPUNIT_ASSERT(findings.guardedWrites >= 20);
            std::size_t overlaps = 0;
            for (const auto& violation : findings.violations)
            {
                const auto has = [&](const char* text) { return violation.find(text) != std::string::npos; };
                const bool isOverlap = has("had two holders") || has("after a holder with the greater") || has(", asked for at ");
                CPPUNIT_ASSERT_MESSAGE(violation, isOverlap || has("the release of lock"));
                overlaps += isOverlap ? 1 : 0;
            }
            std::cout << "    " << overlaps << " overlaps" << std::endl;
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLFailoverTest);

} // namespace Leasehold
