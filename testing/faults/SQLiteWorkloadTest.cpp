#include "Leasehold/Workload.h"

#include <Poco/TemporaryFile.h>

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>

namespace Leasehold
{

/// The processes, the histories and the checker on a SQLite file, where no engine is needed: a few seconds in which processes are
/// killed and stopped.
class SQLiteWorkloadTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteWorkloadTest);
    CPPUNIT_TEST(testKilledAndStoppedProcessesNeverHoldALockTwice);
    CPPUNIT_TEST_SUITE_END();

public:
    void testKilledAndStoppedProcessesNeverHoldALockTwice()
    {
        const auto seed = testSeed();
        const auto duration = faultDuration(std::chrono::seconds(12), std::chrono::minutes(3));
        Poco::TemporaryFile folder;
        folder.createDirectories();
        Workload workload("sqlite://" + folder.path() + "/locks.db", seed);
        workload.suffer(faultSchedule(seed, duration, Workload::processes, false), nullptr);
        const auto findings = workload.finish();
        std::cout << "\n    seed " << seed << ", " << workload.killed() << " killed, " << workload.paused()
                  << " stopped: " << findings.describe() << std::endl;
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, findings.violationsInAll);
        CPPUNIT_ASSERT(findings.grants >= 20);
        CPPUNIT_ASSERT(findings.handedOn >= 2);
        CPPUNIT_ASSERT(findings.guardedWrites >= 10);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteWorkloadTest);

} // namespace Leasehold
