#include "ToolFixture.h"

#include "Leasehold/CallContext.h"
#include "Leasehold/SQLiteLockStore.h"
#include "Leasehold/StoreRegistry.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sqlite3.h>

#include <chrono>
#include <csignal>

using namespace Leasehold;

/// The commands for those who look after the locks.
class CommandsTest : public ToolFixture
{
    CPPUNIT_TEST_SUITE(CommandsTest);
    CPPUNIT_TEST(testTheListNamesEachLockAndItsHolder);
    CPPUNIT_TEST(testAHolderWhoseMetadataCannotBeReadIsListedAllTheSame);
    CPPUNIT_TEST(testAListThatNobodyReadsAnyMoreEnds);
    CPPUNIT_TEST(testAListThatCannotBeWrittenIs70);
    CPPUNIT_TEST(testALockIsShownAndAFreeOneIs1);
    CPPUNIT_TEST(testBreakingWithoutATerminalNeedsYes);
    CPPUNIT_TEST(testABrokenLockCannotBeRenewed);
    CPPUNIT_TEST(testAStoreThatCanBeUsedIsChecked);
    CPPUNIT_TEST(testALockOfACheckThatIsUnderWayIsNoTrouble);
    CPPUNIT_TEST(testAPolicyThatDoesNotFitTheStoreIs78);
    CPPUNIT_TEST(testAStoreThatIsLockedIsCheckedAs69);
    CPPUNIT_TEST(testEachCommandHasAHelpWithAnExample);
    CPPUNIT_TEST_SUITE_END();

    static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

public:
    void testTheListNamesEachLockAndItsHolder()
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

    /// Guards against a process id that POCO's parser takes for 1.
    void testAHolderWhoseMetadataCannotBeReadIsListedAllTheSame()
    {
        StoreRegistry registry;
        registerSQLiteStore(registry);
        const auto store = registry.open(_bench->storeUrl());
        const auto context = CallContext::within(std::chrono::seconds{20});
        store->prepare(context);
        for (const std::string metadata : {"no JSON", R"({"host":"web-7","pid":18446744073709551617})"})
        {
            const auto token = "another's, with " + metadata; // each is granted once
            const auto held = store->acquire({"job", token, std::chrono::seconds{30}, metadata}, context);
            CPPUNIT_ASSERT(held.status == AcquireStatus::granted);
            auto table = _bench->tool({"list"});
            CPPUNIT_ASSERT_EQUAL(0, table.wait());
            CPPUNIT_ASSERT_MESSAGE(table.output(), has(table.output(), "\njob   another"));
            store->release({"job", token, held.record.fence}, context);
        }
    }

    /// Ended by SIGPIPE, as `head` ends what it has read enough of; POCO blocks that signal.
    void testAListThatNobodyReadsAnyMoreEnds()
    {
        auto lock = _bench->locks().acquire("job");
        auto pipeline =
            _bench->program({"/bin/bash", "-c",
                             LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " list --watch --json | head -n 1; exit ${PIPESTATUS[0]}"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(pipeline.errors(), 128 + SIGPIPE, pipeline.wait());
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"name":"job",)"), pipeline.output().substr(0, 14));
        lock.release();
    }

    void testAListThatCannotBeWrittenIs70()
    {
        auto full = _bench->program({"/bin/bash", "-c", LEASEHOLD_TOOL " --store " + _bench->storeUrl() + " list > /dev/full"});
        CPPUNIT_ASSERT_EQUAL(70, full.wait());
        CPPUNIT_ASSERT(has(full.errors(), "standard output cannot be written to"));
    }

    void testALockIsShownAndAFreeOneIs1()
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

    void testABrokenLockCannotBeRenewed()
    {
        auto run = _bench->run({"--ttl", "2s"}, "job", "exec $2 $1/life");
        waitForLife(_bench->path("life"));
        CPPUNIT_ASSERT_EQUAL(0, _bench->tool({"break", "job", "--yes"}).wait());
        CPPUNIT_ASSERT_EQUAL(79, run.wait());
        CPPUNIT_ASSERT(isStill(_bench->path("life")));
    }

    void testAStoreThatCanBeUsedIsChecked()
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

    void testALockOfACheckThatIsUnderWayIsNoTrouble()
    {
        auto other = _bench->locks().acquire("leasehold check");
        auto check = _bench->tool({"check"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(check.errors(), 0, check.wait());
        CPPUNIT_ASSERT(has(check.output(), "clock:       the storage's and ours agree within "));
        other.release();
    }

    void testAPolicyThatDoesNotFitTheStoreIs78()
    {
        writeFile(_bench->path("policy.properties"),
                  "leasehold.store.type = sqlite\nleasehold.store.sqlite.path = " + _bench->path("locks.db") +
                      "\nleasehold.policy.lease.ttl = 10ms\n"
                      "leasehold.policy.lease.safety_margin = 0ms\n");
        auto check = _bench->program({LEASEHOLD_TOOL, "--config", _bench->path("policy.properties"), "check"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(check.errors(), 78, check.wait());
        CPPUNIT_ASSERT_MESSAGE(check.errors(), has(check.errors(), "leasehold.policy.lease."));
        CPPUNIT_ASSERT_EQUAL(std::string(), check.output());
    }

    void testAStoreThatIsLockedIsCheckedAs69()
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
