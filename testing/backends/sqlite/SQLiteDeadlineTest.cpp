#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "Leasehold/ManualClock.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <functional>
#include <stop_token>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace Leasehold
{
using namespace std::chrono_literals;

/// Every call ends by its deadline, and soon after its cancellation, in each kind of wait.
class SQLiteDeadlineTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteDeadlineTest);
    CPPUNIT_TEST(testFileLockedPastDeadlineIsUnavailableAndWorksLater);
    CPPUNIT_TEST(testFileLockedDuringOpenIsUnavailableByDeadline);
    CPPUNIT_TEST(testBusyFileInOtherJournalModeIsUnavailableByDeadline);
    CPPUNIT_TEST(testFileBeingCreatedIsUnavailableByDeadline);
    CPPUNIT_TEST(testCancelledCallStopsWaitingForTheFile);
    CPPUNIT_TEST(testCallThatQueuesBehindAnotherEndsByItsOwnDeadline);
    CPPUNIT_TEST(testCallWithoutTimeChangesNothing);
    CPPUNIT_TEST(testReadersDoNotWaitForAWriter);
    CPPUNIT_TEST(testLongSearchEndsAtTheDeadline);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");

    /// Another process that locks the file by `sql` until the test ends it.
    class Blocker
    {
    public:
        Blocker(const std::string& path, const std::string& sql) :
            _process(
                [this, path, sql]
                {
                    RawDatabase database(path);
                    database.run(sql);
                    _ready.tell();
                    _go.await();
                    return 0;
                })
        {
            _ready.await();
        }

        void end()
        {
            _go.tell();
            CPPUNIT_ASSERT_EQUAL(0, _process.wait());
        }

    private:
        BytePipe _ready, _go;
        ForkedChild _process;
    };

    /// Asserts that the call takes until its deadline and then throws LockStoreUnavailable. The upper bound is for a busy machine.
    static void assertUnavailableAtTheDeadline(const std::function<void(const CallContext&)>& call)
    {
        const auto began = LocalClock::now();
        const auto message = messageOf<LockStoreUnavailable>([&] { call(CallContext::within(200ms)); });
        const auto took = LocalClock::now() - began;
        CPPUNIT_ASSERT_MESSAGE(message, took >= 190ms);
        CPPUNIT_ASSERT_MESSAGE(message, took < 5s);
    }

public:
    void testFileLockedPastDeadlineIsUnavailableAndWorksLater()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        Blocker blocker(_path, "BEGIN IMMEDIATE");
        assertUnavailableAtTheDeadline([&](const auto& context) { store->acquire({.name = "a", .token = "t", .ttl = 30s}, context); });
        assertUnavailableAtTheDeadline([&](const auto& context) { store->release(lease, context); });
        assertUnavailableAtTheDeadline([&](const auto& context) { store->breakLock("job", lease.fence, BreakMode::now, context); });
        const RenewRequest request{lease, 30s};
        const auto message = messageOf<LockStoreUnavailable>([&] { store->renew({&request, 1}, CallContext::within(100ms)); });
        assertNames(message, {_path, "locked"});
        blocker.end();
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
        take(*store, "a", "other");
        CPPUNIT_ASSERT(store->release(lease, soon()).status == ReleaseStatus::released);
    }

    void testFileLockedDuringOpenIsUnavailableByDeadline()
    {
        openStore(_path)->prepare(soon());
        Blocker blocker(_path, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM locks");
        const auto store = openStore(_path);
        assertUnavailableAtTheDeadline([&](const auto& context) { store->prepare(context); });
        assertUnavailableAtTheDeadline([&](const auto& context) { store->find("job", context); });
        blocker.end();
        take(*store, "job", "token");
    }

    /// The journal mode cannot be changed back while another connection reads.
    void testBusyFileInOtherJournalModeIsUnavailableByDeadline()
    {
        take(*openStore(_path), "early", "token");
        CPPUNIT_ASSERT_EQUAL(std::string("delete"), RawDatabase(_path).text("PRAGMA journal_mode = DELETE"));
        Blocker blocker(_path, "BEGIN; SELECT count(*) FROM locks");
        const auto store = openStore(_path);
        assertUnavailableAtTheDeadline([&](const auto& context) { store->prepare(context); });
        assertUnavailableAtTheDeadline([&](const auto& context) { store->find("early", context); });
        blocker.end();
        take(*store, "job", "token");
    }

    void testFileBeingCreatedIsUnavailableByDeadline()
    {
        const int directory = ::open(_directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CPPUNIT_ASSERT_EQUAL(0, ::flock(directory, LOCK_EX));
        const auto store = openStore(_path);
        assertUnavailableAtTheDeadline([&](const auto& context) { store->prepare(context); });
        ::close(directory);
        take(*store, "job", "token");
    }

    void testCancelledCallStopsWaitingForTheFile()
    {
        const auto store = openStore(_path);
        store->prepare(soon());
        Blocker blocker(_path, "BEGIN IMMEDIATE");
        std::stop_source stop;
        std::string message;
        std::jthread caller(
            [&]
            {
                message = messageOf<LockStoreUnavailable>(
                    [&] { store->acquire({.name = "job", .token = "t", .ttl = 30s}, CallContext::within(10min, stop.get_token())); });
            });
        std::jthread behind(
            [&]
            {
                messageOf<LockStoreUnavailable>(
                    [&] { store->acquire({.name = "two", .token = "t", .ttl = 30s}, CallContext::within(10min, stop.get_token())); });
            });
        stop.request_stop();
        caller.join(); // without the cancellation this would take ten minutes
        behind.join();
        assertNames(message, {"cancelled"});
        blocker.end();
        take(*store, "job", "other");
    }

    void testCallThatQueuesBehindAnotherEndsByItsOwnDeadline()
    {
        const auto store = openStore(_path);
        store->prepare(soon());
        Blocker blocker(_path, "BEGIN IMMEDIATE");
        std::jthread first([&] { take(*store, "first", "token"); }); // waits for the file, with a long deadline
        assertUnavailableAtTheDeadline([&](const auto& context) { store->acquire({.name = "b", .token = "t", .ttl = 30s}, context); });
        blocker.end();
        first.join();
        take(*store, "b", "other");
    }

    void testCallWithoutTimeChangesNothing()
    {
        const auto store = openStore(_path);
        messageOf<LockStoreUnavailable>([&] { store->prepare(CallContext::within(0ms)); });
        CPPUNIT_ASSERT(!std::filesystem::exists(_path));
        messageOf<LockStoreUnavailable>([&] { store->acquire({.name = "job", .token = "t", .ttl = 30s}, CallContext::within(0ms)); });
        CPPUNIT_ASSERT(!store->find("job", soon()).has_value());
    }

    void testReadersDoNotWaitForAWriter()
    {
        const auto store = openStore(_path);
        take(*store, "job", "token");
        Blocker blocker(_path, "BEGIN IMMEDIATE; DELETE FROM locks");
        CPPUNIT_ASSERT(store->find("job", soon()).has_value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({}, soon()).size());
        blocker.end();
        CPPUNIT_ASSERT(store->find("job", soon()).has_value());
    }

    void testLongSearchEndsAtTheDeadline()
    {
        TestHost host;
        ManualClock clock;
        bool passes = false;
        auto clocks = host.clocks();
        clocks.boottime = [&, before = clocks.boottime] // the store reads it when the search has begun
        {
            if (passes)
                clock.advance(1min);
            return before();
        };
        const auto store = openStore(_path, clocks);
        take(*store, "job", "token");
        store->find("job", soon());
        RawDatabase(_path).run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
                               "INSERT INTO locks SELECT 'dead-' || i, 't', 9000000000000000, 2, 0, 'b', 0, 0, 0, '{}', 0 FROM n");
        // No fence is old enough to be forgotten, so the search reads all rows and finds none.
        passes = true;
        const auto message = messageOf<LockStoreUnavailable>([&] { store->prune(1h, {clock, clock.now() + 1min}); });
        passes = false;
        assertNames(message, {_path, "interrupted", "deadline of the call has passed"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, soon()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({}, soon()).size());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteDeadlineTest);

} // namespace Leasehold
