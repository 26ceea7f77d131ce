#include "ToolFixture.h"

#include "Leasehold/SQLiteLockStore.h"
#include "Leasehold/Store/CallContext.h"
#include "Leasehold/Store/StoreRegistry.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sqlite3.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>

using namespace Leasehold;

/// The commands for operators.
class CommandsTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(CommandsTest);
    CPPUNIT_TEST(testListNamesEachLockAndItsHolder);
    CPPUNIT_TEST(testHolderWithUnreadableMetadataIsListed);
    CPPUNIT_TEST(testListThatNobodyReadsAnyMoreEnds);
    CPPUNIT_TEST(testListThatCannotBeWrittenIs70);
    CPPUNIT_TEST(testLockIsShownAndAFreeOneIs1);
    CPPUNIT_TEST(testBreakingWithoutATerminalNeedsYes);
    CPPUNIT_TEST(testBrokenLockCannotBeRenewed);
    CPPUNIT_TEST(testBrokenLockIsMarkedAndBreakingItAgainIs1);
    CPPUNIT_TEST(testTimesAreInUtcWhateverTheTimeZone);
    CPPUNIT_TEST(testControlCharactersOfAStorageAreNotShown);
    CPPUNIT_TEST(testProgramCopiedAloneSaysWhatIsMissing);
    CPPUNIT_TEST(testStoreThatCanBeUsedIsChecked);
    CPPUNIT_TEST(testTwoChecksAtOnceSucceed);
    CPPUNIT_TEST(testPolicyThatDoesNotFitTheStoreIs78);
    CPPUNIT_TEST(testCheckOfLockedStoreIs69);
    CPPUNIT_TEST(testEachCommandHasAHelpWithAnExample);
    CPPUNIT_TEST_SUITE_END();

    static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

    /// Runs a command, which must succeed, and returns its output.
    std::string textOf(const std::vector<std::string>& words)
    {
        auto tool = _bench->tool(words);
        tool.requireExit(0);
        return tool.output();
    }

public:
    void testListNamesEachLockAndItsHolder()
    {
        auto none = _bench->tool({"list"});
        CPPUNIT_ASSERT_EQUAL(0, none.wait());
        CPPUNIT_ASSERT_EQUAL(std::string("no lock is held\n"), none.output());

        auto one = _bench->locks().acquire("job/a", {.metadata = {{"host", "web-7"}, {"pid", 12}}});
        auto other = _bench->locks().acquire("other");
        auto table = _bench->tool({"list"});
        CPPUNIT_ASSERT_EQUAL(0, table.wait());
        CPPUNIT_ASSERT(has(table.output(), "NAME   HOLDER"));
        CPPUNIT_ASSERT(has(table.output(), "job/a  web-7 (pid 12)"));
        CPPUNIT_ASSERT(has(table.output(), "\nother  "));
        auto lines = _bench->tool({"list", "--json", "--prefix", "job/"});
        CPPUNIT_ASSERT_EQUAL(0, lines.wait());
        CPPUNIT_ASSERT(has(lines.output(), "{\"name\":\"job/a\",\"fence\":" + std::to_string(one.fence()) + ",\"acquiredAt\":\""));
        CPPUNIT_ASSERT(!has(lines.output(), "other"));
        one.release();
        other.release();
    }

    /// Guards against a process id that POCO's parser reads as 1.
    void testHolderWithUnreadableMetadataIsListed()
    {
        StoreRegistry registry;
        registerSQLiteStore(registry);
        const auto store = registry.open(_bench->storeUrl());
        const auto context = CallContext::within(std::chrono::seconds{20});
        store->prepare(context);
        for (const std::string metadata : {"no JSON", R"({"host":"web-7","pid":18446744073709551617})"})
        {
            const auto token = "another's, with " + metadata; // each token is granted once
            const auto held = store->acquire({"job", token, std::chrono::seconds{30}, metadata}, context);
            CPPUNIT_ASSERT(held.status == AcquireStatus::granted);
            auto table = _bench->tool({"list"});
            CPPUNIT_ASSERT_EQUAL(0, table.wait());
            CPPUNIT_ASSERT_MESSAGE(table.output(), has(table.output(), "\njob   another"));
            store->release({"job", token, held.record.fence}, context);
        }
    }

    /// When `head` closes the pipe, the program must end by SIGPIPE, although POCO blocks that signal.
    void testListThatNobodyReadsAnyMoreEnds()
    {
        auto lock = _bench->locks().acquire("job");
        auto pipeline =
            _bench->program({"/bin/bash", "-c",
                             LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " list --watch --json | head -n 1; exit ${PIPESTATUS[0]}"});
        pipeline.requireExit(128 + SIGPIPE);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"name":"job",)"), pipeline.output().substr(0, 14));
        lock.release();
    }

    void testListThatCannotBeWrittenIs70()
    {
        auto full = _bench->program({"/bin/bash", "-c", LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " list > /dev/full"});
        CPPUNIT_ASSERT_EQUAL(70, full.wait());
        CPPUNIT_ASSERT(has(full.errors(), "standard output cannot be written to"));
    }

    void testLockIsShownAndAFreeOneIs1()
    {
        CPPUNIT_ASSERT_EQUAL(1, _bench->tool({"show", "job"}).wait());
        auto lock = _bench->locks().acquire("job");
        auto shown = _bench->tool({"show", "job"});
        CPPUNIT_ASSERT_EQUAL(0, shown.wait());
        CPPUNIT_ASSERT(has(shown.output(), "fence:      " + std::to_string(lock.fence())));
        lock.release();
    }

    void testBreakingWithoutATerminalNeedsYes()
    {
        auto lock = _bench->locks().acquire("job");
        CPPUNIT_ASSERT_EQUAL(64, _bench->tool({"break", "job"}).wait());
        CPPUNIT_ASSERT_EQUAL(1, _bench->tool({"break", "free", "--yes"}).wait());
        lock.release();
    }

    void testBrokenLockCannotBeRenewed()
    {
        auto run = _bench->run({"--ttl", "2s"}, "job", "exec $2 $1/life");
        waitForLife(_bench->path("life"));
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"break", "job", "--yes"}).wait());
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
        CPPUNIT_ASSERT_MESSAGE(run.errors(), has(run.errors(), "lock \"job\" was broken by somebody"));
    }

    void testBrokenLockIsMarkedAndBreakingItAgainIs1()
    {
        auto lock = _bench->locks().acquire("job");
        CPPUNIT_ASSERT(has(textOf({"list", "--json"}), R"("broken":false)"));
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"break", "job", "--yes"}).wait());
        auto again = _bench->tool({"break", "job", "--yes"});
        CPPUNIT_ASSERT_EQUAL(1, again.wait());
        CPPUNIT_ASSERT_MESSAGE(again.output(), has(again.output(), "was broken already"));
        CPPUNIT_ASSERT(has(textOf({"list"}), "s, broken  "));
        CPPUNIT_ASSERT(has(textOf({"list", "--json"}), R"("broken":true)"));
        CPPUNIT_ASSERT(has(textOf({"show", "job"}), "; broken: it cannot be renewed"));
        auto refused = _bench->run({}, "job", "true");
        CPPUNIT_ASSERT_EQUAL(75, refused.wait());
        CPPUNIT_ASSERT_MESSAGE(refused.errors(), has(refused.errors(), "; it is broken: the lease ends in "));
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"break", "job", "--yes", "--now"}).wait());
        CPPUNIT_ASSERT(!_bench->locks().find("job"));
    }

    void testTimesAreInUtcWhateverTheTimeZone()
    {
        auto lock = _bench->locks().acquire("job");
        const auto record = _bench->locks().find("job");
        const auto inTokyo = [&](const std::string& command)
        {
            auto tool = _bench->program({"/usr/bin/env", "TZ=JST-9", LEASEHOLD_TOOL, "--store", _bench->storeUrl(), command, "job"});
            tool.wait();
            return tool.output();
        };
        const auto seconds = std::chrono::floor<std::chrono::seconds>(record->acquiredAt.time_since_epoch()).count() % 86'400;
        char time[32];
        std::snprintf(time, sizeof time, "%02d:%02d:%02d UTC", static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60),
                      static_cast<int>(seconds % 60));
        CPPUNIT_ASSERT_MESSAGE(inTokyo("show"), has(inTokyo("show"), time));
        CPPUNIT_ASSERT_MESSAGE(inTokyo("break"), has(inTokyo("break"), time));
        lock.release();
    }

    void testControlCharactersOfAStorageAreNotShown()
    {
        auto lock = _bench->locks().acquire("job", {.metadata = {{"host", "web\xc2\x9b"
                                                                          "7\x1b[2J"},
                                                                 {"command", "a\x7f"
                                                                             "b"}}});
        for (const std::vector<std::string>& words : {std::vector<std::string>{"list"},
                                                      {"show", "job"},
                                                      {"list", "--json"},
                                                      {"show", "job", "--json"},
                                                      {"run", "job", "--", "true"},
                                                      {"break", "job"}})
        {
            auto tool = _bench->tool(words);
            tool.wait();
            const auto shown = tool.output() + tool.errors();
            CPPUNIT_ASSERT_MESSAGE(words[0] + shown, has(shown, "web"));
            for (const std::string control : {"\xc2\x9b", "\x1b", "\x7f"})
                CPPUNIT_ASSERT_MESSAGE(words[0] + shown, !has(shown, control));
        }
        CPPUNIT_ASSERT(has(textOf({"list", "--json"}), R"("web\u009b7\u001b[2J")"));
        lock.release();
    }

    void testProgramCopiedAloneSaysWhatIsMissing()
    {
        std::filesystem::copy_file(LEASEHOLD_TOOL, _bench->path("leasehold"));
        auto tool = _bench->program({_bench->path("leasehold"), "--store", "elasticsearch+http://127.0.0.1:1/locks", "list"});
        CPPUNIT_ASSERT_EQUAL(78, tool.wait());
        CPPUNIT_ASSERT_MESSAGE(tool.errors(), has(tool.errors(), "leasehold-all-stores, cannot be run (" + _bench->path("leasehold")));
        CPPUNIT_ASSERT_MESSAGE(tool.errors(), has(tool.errors(), "install the whole package"));
    }

    void testStoreThatCanBeUsedIsChecked()
    {
        auto check = _bench->tool({"check"});
        CPPUNIT_ASSERT_EQUAL(0, check.wait());
        CPPUNIT_ASSERT(has(check.output(), "store:       sqlite, "));
        CPPUNIT_ASSERT(has(check.output(), std::string("engine:      SQLite ") + ::sqlite3_libversion() + "\n"));
        CPPUNIT_ASSERT(has(check.output(), " ms (median of 20)\n"));
        CPPUNIT_ASSERT(has(check.output(), "clock:       the storage's and ours agree within "));
        CPPUNIT_ASSERT(has(check.output(), "safety margin 3s: fits the store\nok\n"));
        CPPUNIT_ASSERT(!_bench->locks().find("leasehold check"));
    }

    void testTwoChecksAtOnceSucceed()
    {
        auto other = _bench->locks().acquire("leasehold check");
        auto check = _bench->tool({"check"});
        check.requireExit(0);
        CPPUNIT_ASSERT(has(check.output(), "clock:       the storage's and ours agree within "));
        other.release();
    }

    void testPolicyThatDoesNotFitTheStoreIs78()
    {
        writeFile(_bench->path("policy.properties"),
                  "leasehold.store.type = sqlite\nleasehold.store.sqlite.path = " + _bench->path("locks.db") +
                      "\nleasehold.policy.lease.ttl = 10ms\n"
                      "leasehold.policy.lease.safety_margin = 0ms\n");
        auto check = _bench->program({LEASEHOLD_TOOL, "--config", _bench->path("policy.properties"), "check"});
        check.requireExit(78);
        CPPUNIT_ASSERT_MESSAGE(check.errors(), has(check.errors(), "leasehold.policy.lease."));
        CPPUNIT_ASSERT_EQUAL(std::string(), check.output());
    }

    void testCheckOfLockedStoreIs69()
    {
        const StoreBlocker blocker(*_bench);
        CPPUNIT_ASSERT_EQUAL(69, _bench->tool({"check"}).wait());
    }

    void testEachCommandHasAHelpWithAnExample()
    {
        for (const std::string command : {"run", "list", "show", "break", "check"})
        {
            auto help = _bench->tool({command, "--help"});
            CPPUNIT_ASSERT_EQUAL(0, help.wait());
            CPPUNIT_ASSERT(has(help.output(), "Usage: leasehold " + command));
            CPPUNIT_ASSERT(has(help.output(), "Example:\n  leasehold " + command));
        }
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"--help"}).wait());
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"--version"}).wait());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CommandsTest);
