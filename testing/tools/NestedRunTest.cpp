#include "ToolFixture.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace Leasehold;

/// `leasehold run` inside the command of another run: with the same lock it would wait for itself.
class NestedRunTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(NestedRunTest);
    CPPUNIT_TEST(testSameLockIsRefusedAtOnce);
    CPPUNIT_TEST(testSameLockIsRefusedBelowAnotherLock);
    CPPUNIT_TEST(testAnotherLockRunsWithItsOwnEnvironment);
    CPPUNIT_TEST(testSameNameInAnotherStoreRuns);
    CPPUNIT_TEST(testLockThatTheCallerHasLostIsWaitedFor);
    CPPUNIT_TEST(testUnreadableVariableIsIgnored);
    CPPUNIT_TEST_SUITE_END();

    /// A run of `name` as a command for a shell.
    std::string inner(const std::string& name, const std::string& command) const
    {
        return LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " run --wait forever " + name + " -- " + command;
    }
    ToolProcess outer(const std::string& script) { return _bench->run({}, "job", script); }

    static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

public:
    void testSameLockIsRefusedAtOnce()
    {
        auto run = outer(inner("job", "touch $1/ran"));
        CPPUNIT_ASSERT_EQUAL(75, run.wait());
        CPPUNIT_ASSERT_MESSAGE(run.errors(), has(run.errors(), "it would wait for itself"));
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
    }

    void testSameLockIsRefusedBelowAnotherLock()
    {
        auto run = outer(inner("other", inner("job", "true")));
        CPPUNIT_ASSERT_EQUAL(75, run.wait());
        CPPUNIT_ASSERT_MESSAGE(run.errors(), has(run.errors(), "it would wait for itself"));
    }

    void testAnotherLockRunsWithItsOwnEnvironment()
    {
        auto run = outer("echo $LEASEHOLD_FENCE > $1/fence; " + inner("other", "/usr/bin/env"));
        run.requireExit(0);
        CPPUNIT_ASSERT(has(run.output(), "LEASEHOLD_LOCK=other\n"));
        const auto fence = std::to_string(std::stoull(contentOf(_bench->path("fence"))));
        CPPUNIT_ASSERT_MESSAGE(run.output(),
                               has(run.output(), R"(LEASEHOLD_HELD=[{"store":"sqlite","location":")" + _bench->path("locks.db") +
                                                     R"(","name":"job","fence":)" + fence + R"(},{"store":"sqlite",)"));
    }

    void testSameNameInAnotherStoreRuns()
    {
        auto run = outer(LEASEHOLD_TOOL " --store sqlite://$1/other.db run job -- true");
        run.requireExit(0);
    }

    /// Here a shell sets LEASEHOLD_HELD, and the test holds the lock.
    void testLockThatTheCallerHasLostIsWaitedFor()
    {
        auto lock = _bench->locks().acquire("job");
        const auto claim = [&](Fence fence)
        {
            return "LEASEHOLD_HELD='[{\"store\":\"sqlite\",\"location\":\"\",\"name\":\"job\",\"fence\":" + std::to_string(fence) + "}]' " +
                   LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " run job -- true";
        };
        auto same = _bench->program({"/bin/sh", "-c", claim(lock.fence())});
        CPPUNIT_ASSERT_EQUAL(75, same.wait());
        CPPUNIT_ASSERT(has(same.errors(), "it would wait for itself"));
        auto earlier = _bench->program({"/bin/sh", "-c", claim(lock.fence() - 1)});
        CPPUNIT_ASSERT_EQUAL(75, earlier.wait());
        CPPUNIT_ASSERT(!has(earlier.errors(), "it would wait for itself"));
        lock.release();
        CPPUNIT_ASSERT_EQUAL(0, _bench->program({"/bin/sh", "-c", claim(lock.fence())}).wait());
    }

    void testUnreadableVariableIsIgnored()
    {
        for (const std::string text : {"nonsense", "{}", "[1]", R"([{"name":"job"}])"})
        {
            auto run = _bench->program(
                {"/usr/bin/env", "LEASEHOLD_HELD=" + text, LEASEHOLD_TOOL, "--store", _bench->storeUrl(), "run", "job", "--", "true"});
            run.requireExit(0);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(NestedRunTest);
