#include "ToolFixture.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace Leasehold;

/// What `leasehold run` does where nothing goes wrong with the lease: exit status, environment, descriptors, events.
class RunTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(RunTest);
    CPPUNIT_TEST(testTheExitStatusIsTheCommandsOwn);
    CPPUNIT_TEST(testASignalThatEndsTheCommandIsAddedTo128);
    CPPUNIT_TEST(testACommandThatIsNotThereAndOneThatCannotRunAreToldApart);
    CPPUNIT_TEST(testAWrongCommandLineIs64);
    CPPUNIT_TEST(testAHeldLockIs75OrWhatTheOptionSays);
    CPPUNIT_TEST(testAStoreThatDoesNotAnswerIs69);
    CPPUNIT_TEST(testAWrongConfigurationIs78);
    CPPUNIT_TEST(testTroubleOfTheSystemIs70);
    CPPUNIT_TEST(testTheCommandFindsTheLockAndItsFenceInItsEnvironment);
    CPPUNIT_TEST(testTheCommandInheritsNoDescriptor);
    CPPUNIT_TEST(testEachEventIsWrittenToTheStatusDescriptor);
    CPPUNIT_TEST(testTheLockIsFreeAfterwards);
    CPPUNIT_TEST(testTheMetadataNamesTheHolderAndItsArgumentsOnlyIfTheyAreWished);
    CPPUNIT_TEST(testACommandIsStoppedWhenItHasHeldTheLockForTooLong);
    CPPUNIT_TEST(testWhatTheCommandLeavesBehindIsStoppedBeforeTheRelease);
    CPPUNIT_TEST_SUITE_END();

    int statusOf(const std::vector<std::string>& words) { return _bench->tool(words).wait(); }

public:
    void testTheExitStatusIsTheCommandsOwn()
    {
        for (const int status : {0, 1, 42, 75, 255})
            CPPUNIT_ASSERT_EQUAL(status, _bench->run({}, "job", "exit " + std::to_string(status)).wait());
    }

    void testASignalThatEndsTheCommandIsAddedTo128()
    {
        CPPUNIT_ASSERT_EQUAL(128 + 9, _bench->run({}, "job", "kill -9 $$").wait());
        CPPUNIT_ASSERT_EQUAL(128 + 15, _bench->run({}, "job", "kill -15 $$").wait());
    }

    void testACommandThatIsNotThereAndOneThatCannotRunAreToldApart()
    {
        CPPUNIT_ASSERT_EQUAL(127, statusOf({"run", "job", "--", "/nowhere/to/be/found"}));
        CPPUNIT_ASSERT_EQUAL(126, statusOf({"run", "job", "--", "/etc/passwd"}));
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    void testAWrongCommandLineIs64()
    {
        const std::vector<std::vector<std::string>> wrong = {{},
                                                             {"dance"},
                                                             {"run"},
                                                             {"run", "job"},
                                                             {"run", "job", "true"},
                                                             {"run", "job", "--"},
                                                             {"run", "", "--", "true"},
                                                             {"run", "job", "--ttl", "5", "--", "true"},
                                                             {"run", "job", "--ttl", "1ms", "--", "true"},
                                                             {"run", "job", "--ttl", "6s", "--ttl", "7s", "--", "true"},
                                                             {"run", "job", "--ttl", "6s", "--kill-after", "5s", "--", "true"},
                                                             {"run", "job", "--busy-code", "256", "--", "true"},
                                                             {"run", "job", "--metadata", "[1]", "--", "true"},
                                                             {"run", "job", "--status-fd", "77", "--", "true"},
                                                             {"run", "job", "--unheard-of", "--", "true"},
                                                             {"list", "job"},
                                                             {"show"},
                                                             {"break", "job", "other"},
                                                             {"check", "job"}};
        for (const auto& words : wrong)
        {
            auto tool = _bench->tool(words);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(tool.errors(), 64, tool.wait());
            CPPUNIT_ASSERT_EQUAL(std::string(), tool.output());
            CPPUNIT_ASSERT(!tool.errors().empty());
        }
    }

    void testAHeldLockIs75OrWhatTheOptionSays()
    {
        auto lock = _bench->locks().acquire("job");
        auto refused = _bench->run({}, "job", "touch $1/ran");
        CPPUNIT_ASSERT_EQUAL(75, refused.wait());
        CPPUNIT_ASSERT(refused.errors().find("lock \"job\" is held by ") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(3, _bench->run({"--busy-code", "3"}, "job", "touch $1/ran").wait());
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
        lock.release();
    }

    void testAStoreThatDoesNotAnswerIs69()
    {
        const StoreBlocker blocker(*_bench);
        CPPUNIT_ASSERT_EQUAL(69, _bench->run({"--ttl", "2s"}, "job", "touch $1/ran").wait());
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
    }

    void testAWrongConfigurationIs78()
    {
        const std::string tool = LEASEHOLD_TOOL;
        CPPUNIT_ASSERT_EQUAL(78, _bench->program({tool, "--store", "nothing:x", "check"}).wait());
        CPPUNIT_ASSERT_EQUAL(78, _bench->program({tool, "--store", "memory:", "check"}).wait());
        CPPUNIT_ASSERT_EQUAL(78, _bench->program({tool, "--store", "sqlite:///nowhere/to/be/found.db", "check"}).wait());
        CPPUNIT_ASSERT_EQUAL(78, _bench->program({tool, "--config", "/nowhere/to/be/found.properties", "check"}).wait());
    }

    void testTroubleOfTheSystemIs70() { CPPUNIT_ASSERT_EQUAL(70, _bench->run({}, "job", "true", {.capsOpenFiles = true}).wait()); }

    void testTheCommandFindsTheLockAndItsFenceInItsEnvironment()
    {
        auto run = _bench->run({}, "some job",
                               "echo \"$LEASEHOLD_LOCK\"; echo $LEASEHOLD_FENCE > $1/fence; " LEASEHOLD_TOOL
                               " --store sqlite://$1/locks.db show --json \"$LEASEHOLD_LOCK\"");
        CPPUNIT_ASSERT_EQUAL(0, run.wait());
        CPPUNIT_ASSERT_EQUAL(std::string("some job\n"), run.output().substr(0, 9));
        const auto fence = std::stoull(contentOf(_bench->path("fence")));
        CPPUNIT_ASSERT(run.output().find("\"fence\":" + std::to_string(fence) + ",") != std::string::npos);
    }

    /// The listing itself opens one, which is 3.
    void testTheCommandInheritsNoDescriptor()
    {
        auto run = _bench->tool({"run", "job", "--", "/bin/ls", "/proc/self/fd"});
        CPPUNIT_ASSERT_EQUAL(0, run.wait());
        CPPUNIT_ASSERT_EQUAL(std::string("0\n1\n2\n3\n"), run.output());
    }

    void testEachEventIsWrittenToTheStatusDescriptor()
    {
        auto run = _bench->run({"--status-fd", "2"}, "job", "exit 7");
        CPPUNIT_ASSERT_EQUAL(7, run.wait());
        const auto events = run.errors();
        std::size_t at = 0;
        for (const std::string event : {R"({"event":"acquired","name":"job","fence":)", R"({"event":"started","pid":)",
                                        R"({"event":"exited","status":7})", R"({"event":"released"})"})
        {
            at = events.find(event, at);
            CPPUNIT_ASSERT_MESSAGE(event + " is missing in " + events, at != std::string::npos);
        }
        auto lock = _bench->locks().acquire("job");
        auto refused = _bench->run({"--status-fd", "1"}, "job", "true");
        CPPUNIT_ASSERT_EQUAL(75, refused.wait());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, refused.output().find(R"({"event":"held","holder":{"name":"job",)"));
        lock.release();
    }

    void testTheLockIsFreeAfterwards()
    {
        CPPUNIT_ASSERT_EQUAL(1, _bench->run({}, "job", "exit 1").wait());
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    /// Arguments may hold secrets.
    void testTheMetadataNamesTheHolderAndItsArgumentsOnlyIfTheyAreWished()
    {
        const std::string look = LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " show --json job";
        auto plain = _bench->tool({"run", "--metadata", R"({"ticket":4711})", "job", "--", "/bin/sh", "-c", look});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(plain.errors(), 0, plain.wait());
        const auto shown = plain.output();
        for (const auto& part : {std::string(R"("command":"sh")"), std::string(R"("ticket":4711)"), std::string(R"("host":")"),
                                 std::string(R"("user":")"), "\"pid\":" + std::to_string(plain.pid())})
            CPPUNIT_ASSERT_MESSAGE(part + " is missing in " + shown, shown.find(part) != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(shown, shown.find("--json") == std::string::npos);

        auto told = _bench->tool({"run", "--metadata-command", "job", "--", "/bin/sh", "-c", look});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(told.errors(), 0, told.wait());
        CPPUNIT_ASSERT_MESSAGE(told.output(), told.output().find("sh -c ") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(told.output(), told.output().find("show --json job") != std::string::npos);
    }

    void testACommandIsStoppedWhenItHasHeldTheLockForTooLong()
    {
        auto run = _bench->run({"--max-hold", "1s", "--status-fd", "2"}, "job", "exec $2 $1/life");
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
        CPPUNIT_ASSERT_MESSAGE(run.errors(), run.errors().find(R"({"event":"lost","reason":"maxHold"})") != std::string::npos);
        CPPUNIT_ASSERT(run.errors().find("was held for as long as --max-hold or the policy allows") != std::string::npos);
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    void testWhatTheCommandLeavesBehindIsStoppedBeforeTheRelease()
    {
        const auto life = _bench->path("life");
        auto run = _bench->run({"--ttl", "3s"}, "job", "$2 $1/life & until test -s $1/life; do sleep 0.01; done");
        CPPUNIT_ASSERT_EQUAL(0, run.wait());
        CPPUNIT_ASSERT(isStill(life));
        CPPUNIT_ASSERT(run.errors().find("in the background") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RunTest);
