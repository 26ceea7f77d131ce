#include "ToolFixture.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <utility>

using namespace Leasehold;

/// The signals that `leasehold run` passes on, and those that end its wait.
class SignalTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(SignalTest);
    CPPUNIT_TEST(testEachSignalReachesTheCommand);
    CPPUNIT_TEST(testStopAndAContinueReachTheCommand);
    CPPUNIT_TEST(testSignalEndsTheWait);
    CPPUNIT_TEST(testSignalEndsTheWaitWhileTheStoreHangs);
    CPPUNIT_TEST(testIgnoredSignalStaysIgnored);
    CPPUNIT_TEST_SUITE_END();

    static void waitFor(const std::string& path)
    {
        CPPUNIT_ASSERT_MESSAGE(path, waitUntil([&] { return exists(path); }, std::chrono::seconds{60}));
    }

public:
    void testEachSignalReachesTheCommand()
    {
        const std::pair<int, const char*> signals[] = {{SIGINT, "INT"},   {SIGTERM, "TERM"}, {SIGHUP, "HUP"},    {SIGQUIT, "QUIT"},
                                                       {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGWINCH, "WINCH"}};
        for (const auto& [number, name] : signals)
        {
            const std::string ready = std::string("ready-") + name;
            auto run = _bench->run({}, "job",
                                   std::string("trap 'echo got ") + name + "; exit 5' " + name + "; touch $1/" + ready +
                                       "; while :; do sleep 0.02; done");
            waitFor(_bench->path(ready));
            run.signal(number);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, 5, run.wait());
            CPPUNIT_ASSERT_EQUAL(std::string("got ") + name + "\n", run.output());
        }
    }

    void testStopAndAContinueReachTheCommand()
    {
        auto run = _bench->tool({"run", "job", "--", LEASEHOLD_SIGN_OF_LIFE, _bench->path("life")});
        waitForLife(_bench->path("life"));
        run.signal(SIGTSTP);
        CPPUNIT_ASSERT(waitUntil([&] { return run.isStopped(); }, std::chrono::seconds{60}));
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
        run.signal(SIGCONT);
        CPPUNIT_ASSERT(waitUntil([&] { return !isStill(_bench->path("life")); }, std::chrono::seconds{60}));
    }

    void testSignalEndsTheWait()
    {
        auto lock = _bench->locks().acquire("job");
        for (const int number : {SIGINT, SIGTERM, SIGHUP})
        {
            auto run = _bench->run({"--wait", "1h"}, "job", "touch $1/ran");
            CPPUNIT_ASSERT(waitUntil([&] { return run.errors().find("waiting for lock") != std::string::npos; }, std::chrono::seconds{60}));
            run.signal(number);
            CPPUNIT_ASSERT_EQUAL(128 + number, run.wait());
        }
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
        lock.release();
    }

    void testSignalEndsTheWaitWhileTheStoreHangs()
    {
        const StoreBlocker blocker(*_bench);
        auto run = _bench->run({"--wait", "1h", "--ttl", "1h"}, "job", "touch $1/ran");
        // It starts its guardian before it asks the store.
        CPPUNIT_ASSERT(waitUntil([&] { return !childrenOf(run.pid()).empty(); }, std::chrono::seconds{60}));
        run.signal(SIGINT);
        CPPUNIT_ASSERT_EQUAL(128 + SIGINT, run.wait());
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
    }

    /// As under nohup.
    void testIgnoredSignalStaysIgnored()
    {
        auto run = _bench->run({}, "job", "touch $1/ready; until test -e $1/end; do sleep 0.02; done; exit 6", {.ignoredSignal = SIGHUP});
        waitFor(_bench->path("ready"));
        run.signal(SIGHUP);
        CPPUNIT_ASSERT_EQUAL(0, _bench->program({"/bin/touch", _bench->path("end")}).wait());
        CPPUNIT_ASSERT_EQUAL(6, run.wait());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SignalTest);
