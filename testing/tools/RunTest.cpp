#include "ToolFixture.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <optional>

using namespace Leasehold;

/// `leasehold run` without a loss: exit status, environment, descriptors, events.
class RunTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(RunTest);
    CPPUNIT_TEST(testExitStatusIsTheCommandsOwn);
    CPPUNIT_TEST(testSignalThatEndsTheCommandIsAddedTo128);
    CPPUNIT_TEST(testMissingAndUnrunnableCommandsHaveOwnStatus);
    CPPUNIT_TEST(testWrongCommandLineIs64);
    CPPUNIT_TEST(testDurationOutOfBoundsIs64AndSaysTheBounds);
    CPPUNIT_TEST(testHeldLockIs75OrWhatTheOptionSays);
    CPPUNIT_TEST(testQuietRunSaysNothingOfAHeldLock);
    CPPUNIT_TEST(testStoreThatDoesNotAnswerIs69);
    CPPUNIT_TEST(testWaitGoesOnThroughAnOutageAndTellsItOnce);
    CPPUNIT_TEST(testWrongConfigurationIs78);
    CPPUNIT_TEST(testSystemErrorIs70);
    CPPUNIT_TEST(testLockAndFenceAreInTheEnvironment);
    CPPUNIT_TEST(testCommandInheritsNoDescriptor);
    CPPUNIT_TEST(testEachEventIsWrittenToTheStatusDescriptor);
    CPPUNIT_TEST(testLockIsFreeAfterwards);
    CPPUNIT_TEST(testMinHoldKeepsTheLockAfterAShortCommand);
    CPPUNIT_TEST(testMetadataNamesHolderAndArgumentsOnlyWhenAsked);
    CPPUNIT_TEST(testMaxHoldStopsTheCommand);
    CPPUNIT_TEST(testBackgroundProcessIsStoppedBeforeRelease);
    CPPUNIT_TEST_SUITE_END();

    int statusOf(const std::vector<std::string>& words) { return _bench->tool(words).wait(); }

public:
    void testExitStatusIsTheCommandsOwn()
    {
        for (const int status : {0, 1, 42, 75, 255})
            CPPUNIT_ASSERT_EQUAL(status, _bench->run({}, "job", "exit " + std::to_string(status)).wait());
    }

    void testSignalThatEndsTheCommandIsAddedTo128()
    {
        CPPUNIT_ASSERT_EQUAL(128 + 9, _bench->run({}, "job", "kill -9 $$").wait());
        CPPUNIT_ASSERT_EQUAL(128 + 15, _bench->run({}, "job", "kill -15 $$").wait());
    }

    void testMissingAndUnrunnableCommandsHaveOwnStatus()
    {
        CPPUNIT_ASSERT_EQUAL(127, statusOf({"run", "job", "--", "/nowhere/to/be/found"}));
        CPPUNIT_ASSERT_EQUAL(126, statusOf({"run", "job", "--", "/etc/passwd"}));
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    void testWrongCommandLineIs64()
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
                                                             {"run", "job", "--max-hold", "2s", "--kill-after", "1100ms", "--", "true"},
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
            tool.requireExit(64);
            CPPUNIT_ASSERT_EQUAL(std::string(), tool.output());
            CPPUNIT_ASSERT(!tool.errors().empty());
        }
    }

    void testDurationOutOfBoundsIs64AndSaysTheBounds()
    {
        const std::vector<std::vector<std::string>> wrong = {{"--ttl", "99ms", "100ms to 24h"},
                                                             {"--ttl", "forever", "100ms to 24h"},
                                                             {"--wait", "2562047h", "0 to 8760h, or forever"},
                                                             {"--max-hold", "0", "1ms to 8760h, or forever"},
                                                             {"--min-hold", "25h", "0 to 24h"},
                                                             {"--kill-after", "25h", "0 to 24h"}};
        for (const auto& words : wrong)
        {
            auto run = _bench->run({words[0], words[1]}, "job", "true");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(words[0], 64, run.wait());
            const auto expected = words[0] + " " + words[1];
            CPPUNIT_ASSERT_MESSAGE(run.errors(), run.errors().find(expected) != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(run.errors(), run.errors().find("allowed is " + words[2]) != std::string::npos);
        }
        CPPUNIT_ASSERT_EQUAL(0, _bench->run({"--wait", "8760h", "--max-hold", "8760h"}, "job", "true").wait());
    }

    /// For cron, which mails all output. Failures are still reported.
    void testQuietRunSaysNothingOfAHeldLock()
    {
        auto lock = _bench->locks().acquire("job");
        for (const std::string wait : {"0", "50ms"})
        {
            auto skipped = _bench->run({"--quiet", "--busy-code", "0", "--wait", wait}, "job", "echo ran");
            CPPUNIT_ASSERT_EQUAL(0, skipped.wait());
            CPPUNIT_ASSERT_EQUAL(std::string(), skipped.output() + skipped.errors());
        }
        lock.release();
        const StoreBlocker blocker(*_bench);
        auto troubled = _bench->run({"--quiet", "--busy-code", "0", "--ttl", "1s"}, "job", "echo ran");
        CPPUNIT_ASSERT_EQUAL(69, troubled.wait());
        CPPUNIT_ASSERT(!troubled.errors().empty());
    }

    void testHeldLockIs75OrWhatTheOptionSays()
    {
        auto lock = _bench->locks().acquire("job");
        auto refused = _bench->run({}, "job", "touch $1/ran");
        CPPUNIT_ASSERT_EQUAL(75, refused.wait());
        CPPUNIT_ASSERT(refused.errors().find("lock \"job\" is held by ") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(3, _bench->run({"--busy-code", "3"}, "job", "touch $1/ran").wait());
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
        lock.release();
    }

    void testStoreThatDoesNotAnswerIs69()
    {
        const StoreBlocker blocker(*_bench);
        CPPUNIT_ASSERT_EQUAL(69, _bench->run({"--ttl", "2s"}, "job", "touch $1/ran").wait());
        CPPUNIT_ASSERT(!exists(_bench->path("ran")));
    }

    void testWaitGoesOnThroughAnOutageAndTellsItOnce()
    {
        std::optional<StoreBlocker> blocker(*_bench);
        auto run = _bench->run({"--ttl", "1s", "--wait", "1h"}, "job", "exit 4");
        const auto away = [&] { return run.errors().find("the store does not answer") != std::string::npos; };
        CPPUNIT_ASSERT(waitUntil(away, std::chrono::seconds{60}));
        CPPUNIT_ASSERT(!run.hasEnded());
        blocker.reset();
        run.requireExit(4);
        const auto said = run.errors();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(said, said.find("the store does not answer"), said.rfind("the store does not answer"));
        CPPUNIT_ASSERT_MESSAGE(said, said.find("the store answers again") != std::string::npos);
    }

    void testWrongConfigurationIs78()
    {
        const std::string tool = LEASEHOLD_TOOL;
        CPPUNIT_ASSERT_EQUAL(78, _bench->program({tool, "--store", "nothing:x", "check"}).wait());
        CPPUNIT_ASSERT_EQUAL(78, _bench->program({tool, "--store", "memory:", "check"}).wait());
        CPPUNIT_ASSERT_EQUAL(78, _bench->program({tool, "--store", "sqlite:///nowhere/to/be/found.db", "check"}).wait());
        CPPUNIT_ASSERT_EQUAL(78, _bench->program({tool, "--config", "/nowhere/to/be/found.properties", "check"}).wait());
    }

    void testSystemErrorIs70() { CPPUNIT_ASSERT_EQUAL(70, _bench->run({}, "job", "true", {.capsOpenFiles = true}).wait()); }

    void testLockAndFenceAreInTheEnvironment()
    {
        auto run = _bench->run({}, "some job",
                               "echo \"$LEASEHOLD_LOCK\"; echo $LEASEHOLD_FENCE > $1/fence; " LEASEHOLD_TOOL
                               " --store sqlite://$1/locks.db show --json \"$LEASEHOLD_LOCK\"");
        CPPUNIT_ASSERT_EQUAL(0, run.wait());
        CPPUNIT_ASSERT_EQUAL(std::string("some job\n"), run.output().substr(0, 9));
        const auto fence = std::stoull(contentOf(_bench->path("fence")));
        CPPUNIT_ASSERT(run.output().find("\"fence\":" + std::to_string(fence) + ",") != std::string::npos);
    }

    /// The listing itself opens one, descriptor 3.
    void testCommandInheritsNoDescriptor()
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

    /// After the release the lock stays taken until the end of --min-hold, without a holder.
    void testMinHoldKeepsTheLockAfterAShortCommand()
    {
        auto run = _bench->run({"--min-hold", "1h"}, "job", "true");
        run.requireExit(0);
        const auto kept = _bench->locks().find("job");
        CPPUNIT_ASSERT(kept && kept->remaining > std::chrono::minutes{30});
        auto late = _bench->run({"--quiet", "--busy-code", "0"}, "job", "echo ran");
        late.requireExit(0);
        CPPUNIT_ASSERT_EQUAL(std::string(), late.output() + late.errors());
    }

    void testLockIsFreeAfterwards()
    {
        CPPUNIT_ASSERT_EQUAL(1, _bench->run({}, "job", "exit 1").wait());
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    /// Arguments may hold secrets.
    void testMetadataNamesHolderAndArgumentsOnlyWhenAsked()
    {
        const std::string look = LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " show --json job";
        auto plain = _bench->tool({"run", "--metadata", R"({"ticket":4711})", "job", "--", "/bin/sh", "-c", look});
        plain.requireExit(0);
        const auto shown = plain.output();
        for (const auto& part : {std::string(R"("command":"sh")"), std::string(R"("ticket":4711)"), std::string(R"("host":")"),
                                 std::string(R"("user":")"), "\"pid\":" + std::to_string(plain.pid())})
            CPPUNIT_ASSERT_MESSAGE(part + " is missing in " + shown, shown.find(part) != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(shown, shown.find("--json") == std::string::npos);

        auto told = _bench->tool({"run", "--metadata-command", "job", "--", "/bin/sh", "-c", look});
        told.requireExit(0);
        CPPUNIT_ASSERT_MESSAGE(told.output(), told.output().find("sh -c ") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(told.output(), told.output().find("show --json job") != std::string::npos);
    }

    void testMaxHoldStopsTheCommand()
    {
        auto run = _bench->run({"--max-hold", "3s", "--status-fd", "2"}, "job", "exec $2 $1/life");
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        // The command ran for most of the time, although the lease is longer. A loaded machine may start it late.
        const auto life = SignOfLife::read(_bench->path("life"));
        CPPUNIT_ASSERT(life.first != 0 && (life.term == 0 || life.term > life.first));
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
        CPPUNIT_ASSERT_MESSAGE(run.errors(), run.errors().find(R"({"event":"lost","reason":"maxHold"})") != std::string::npos);
        CPPUNIT_ASSERT(run.errors().find("was held for as long as --max-hold or the policy allows") != std::string::npos);
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    void testBackgroundProcessIsStoppedBeforeRelease()
    {
        const auto life = _bench->path("life");
        auto run = _bench->run({"--ttl", "3s"}, "job", "$2 $1/life & until test -s $1/life; do sleep 0.01; done");
        CPPUNIT_ASSERT_EQUAL(0, run.wait());
        CPPUNIT_ASSERT(isStill(life));
        CPPUNIT_ASSERT(run.errors().find("in the background") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RunTest);
