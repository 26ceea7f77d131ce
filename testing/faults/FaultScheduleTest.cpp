#include "Leasehold/FaultSchedule.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <map>

namespace Leasehold
{

class FaultScheduleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FaultScheduleTest);
    CPPUNIT_TEST(testSameSeedGivesTheSameSchedule);
    CPPUNIT_TEST(testEveryKindOfTroubleOccursInThreeMinutes);
    CPPUNIT_TEST(testItEndsWithASoundNetworkAndRunningProcesses);
    CPPUNIT_TEST(testStoppedProcessIsLeftAloneUntilItIsContinued);
    CPPUNIT_TEST_SUITE_END();

    using What = FaultStep::What;
    static std::vector<FaultStep> threeMinutes(std::uint64_t seed) { return faultSchedule(seed, std::chrono::minutes(3), 8, true); }

    static std::string text(const std::vector<FaultStep>& steps)
    {
        std::string all;
        for (const auto& step : steps)
            all += step.describe() + "\n";
        return all;
    }

public:
    void testSameSeedGivesTheSameSchedule()
    {
        CPPUNIT_ASSERT_EQUAL(text(threeMinutes(7)), text(threeMinutes(7)));
        CPPUNIT_ASSERT(text(threeMinutes(7)) != text(threeMinutes(8)));
    }

    void testEveryKindOfTroubleOccursInThreeMinutes()
    {
        for (std::uint64_t seed = 1; seed <= 20; ++seed)
        {
            const auto all = text(threeMinutes(seed));
            for (const auto* trouble : {"delay", "cut", "blackhole", "drip", "dropReply", "kill", "stop", "continue"})
                CPPUNIT_ASSERT_MESSAGE(std::to_string(seed) + trouble, all.find(trouble) != std::string::npos);
        }
    }

    void testItEndsWithASoundNetworkAndRunningProcesses()
    {
        for (std::uint64_t seed = 1; seed <= 20; ++seed)
        {
            auto fault = ProxyFault::none;
            std::map<std::size_t, bool> stopped;
            auto last = Milliseconds{0};
            for (const auto& step : threeMinutes(seed))
            {
                CPPUNIT_ASSERT(step.at >= last);
                last = step.at;
                if (step.what == What::network)
                    fault = step.fault;
                if (step.what == What::pause || step.what == What::resume)
                    stopped[step.process] = step.what == What::pause;
            }
            CPPUNIT_ASSERT(fault == ProxyFault::none);
            CPPUNIT_ASSERT(std::none_of(stopped.begin(), stopped.end(), [](const auto& process) { return process.second; }));
        }
    }

    void testStoppedProcessIsLeftAloneUntilItIsContinued()
    {
        for (std::uint64_t seed = 1; seed <= 20; ++seed)
        {
            std::map<std::size_t, bool> stopped;
            for (const auto& step : threeMinutes(seed))
            {
                if (step.what == What::network)
                    continue;
                CPPUNIT_ASSERT_EQUAL(step.what == What::resume, stopped[step.process]);
                stopped[step.process] = step.what == What::pause;
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FaultScheduleTest);

} // namespace Leasehold
