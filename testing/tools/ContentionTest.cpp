#include "ToolBench.h"

#include <cppunit/extensions/HelperMacros.h>

#include <sstream>
#include <vector>

using namespace Leasehold;

class ContentionTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ContentionTest);
    CPPUNIT_TEST(testTwentyThatWaitRunOneAfterAnother);
    CPPUNIT_TEST_SUITE_END();

public:
    void testTwentyThatWaitRunOneAfterAnother()
    {
        constexpr int count = 20;
        ToolBench bench;
        std::vector<ToolProcess> runs;
        for (int i = 0; i < count; ++i)
            runs.push_back(bench.run({"--wait", "1m"}, "job",
                                     "mkdir $1/alone || touch $1/overlap; echo $LEASEHOLD_FENCE >> $1/fences; sleep 0.02; rmdir $1/alone"));
        for (auto& run : runs)
            run.requireExit(0);
        CPPUNIT_ASSERT(!exists(bench.path("overlap")));
        std::istringstream fences(contentOf(bench.path("fences")));
        int granted = 0;
        for (Fence last = 0, fence = 0; fences >> fence; last = fence, ++granted)
            CPPUNIT_ASSERT(fence > last);
        CPPUNIT_ASSERT_EQUAL(count, granted);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ContentionTest);
