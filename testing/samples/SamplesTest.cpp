#include "SampleRun.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <string>

using namespace std::chrono_literals;

namespace Leasehold
{

class SamplesTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SamplesTest);
    CPPUNIT_TEST(testFileAndATableRefuseAPausedWritersLateWrite);
    CPPUNIT_TEST(testTourGoesAsItSays);
    CPPUNIT_TEST(testToursWorkerSaysHowToUseIt);
    CPPUNIT_TEST(testToursWorkerNamesAStoreThatItCannotOpen);
    CPPUNIT_TEST_SUITE_END();

public:
    void testFileAndATableRefuseAPausedWritersLateWrite()
    {
        SampleRun sample(FENCED_RESOURCE, {});
        sample.requireExit(0);
        const auto output = sample.output();
        const auto first = output.find("refused: ");
        CPPUNIT_ASSERT_MESSAGE(output, first != std::string::npos && output.find("refused: ", first + 1) != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(output, output.find("LOST") == std::string::npos);
    }

    void testTourGoesAsItSays()
    {
        SampleRun tour(SOURCE_FOLDER "/samples/tour/tour", {TOUR_WORKER});
        const auto status = tour.exitStatus();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(tour.output(), 0, status);
        CPPUNIT_ASSERT_MESSAGE(tour.output(), tour.output().find("Everything went as it should") != std::string::npos);
    }

    void testToursWorkerSaysHowToUseIt()
    {
        SampleRun worker(TOUR_WORKER, {});
        CPPUNIT_ASSERT_EQUAL(64, worker.exitStatus());
        CPPUNIT_ASSERT(worker.output().find("usage: ") != std::string::npos);
    }

    void testToursWorkerNamesAStoreThatItCannotOpen()
    {
        SampleRun worker(TOUR_WORKER, {"sqlite:///no/such/folder/locks.db", "alice", "1s", "0", "/no/such/folder/report"});
        CPPUNIT_ASSERT_EQUAL(1, worker.exitStatus());
        CPPUNIT_ASSERT_MESSAGE(worker.output(), worker.output().find("/no/such/folder") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SamplesTest);

} // namespace Leasehold
