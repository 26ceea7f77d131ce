#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"

#include <cppunit/extensions/HelperMacros.h>

#include <future>

namespace Leasehold
{
using namespace std::chrono_literals;

/// The note of a waiter in the file: its cost, its clock, and that 0.1.0 works beside it.
class SQLiteWantedTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteWantedTest);
    CPPUNIT_TEST(testFileOfVersion010IsUpgradedAndKeepsItsLocks);
    CPPUNIT_TEST(testManyProcessesUpgradeOneFileAtOnce);
    CPPUNIT_TEST(testStatementsOfVersion010WorkOnACompletedFile);
    CPPUNIT_TEST(testPollWithLastingNoteWritesNothing);
    CPPUNIT_TEST(testWaiterNoteOfAnotherBootIsConverted);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");
    TestHost _host;

    std::shared_ptr<SQLiteLockStore> open() { return openStore(_path, _host.clocks()); }

    static AcquireStatus want(LockStore& store, Milliseconds wantedFor)
    {
        return store.acquire({.name = "job", .token = "waiter", .ttl = 30s, .wantedFor = wantedFor}, soon()).status;
    }

    static bool isWantedWhenReleased(LockStore& store, const LeaseRef& lease)
    {
        const auto reply = store.release(lease, soon());
        CPPUNIT_ASSERT(reply.status == ReleaseStatus::released);
        return reply.wanted;
    }

    /// Creates a file as version 0.1.0 does.
    void makeFileOfVersion010() const
    {
        RawDatabase raw(_path);
        raw.text("PRAGMA journal_mode = WAL");
        raw.run("CREATE TABLE locks (name TEXT NOT NULL PRIMARY KEY, token TEXT NOT NULL, fence INTEGER NOT NULL, "
                "standing INTEGER NOT NULL, acquired_wall INTEGER NOT NULL, boot_id TEXT NOT NULL, expires_boot INTEGER NOT NULL, "
                "expires_wall INTEGER NOT NULL, ttl INTEGER NOT NULL, metadata TEXT NOT NULL) STRICT, WITHOUT ROWID; "
                "PRAGMA application_id = 1282623588; PRAGMA user_version = 1");
    }

    /// Writes a grant by the statement of version 0.1.0.
    void grantAsVersion010(RawDatabase& raw, const std::string& token, Fence fence) const
    {
        const auto boot = _host.bootMs.load(), wall = _host.wallMs.load();
        raw.run("REPLACE INTO locks (name, token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl, metadata) "
                "VALUES ('job', '" +
                token + "', " + std::to_string(fence) + ", 0, " + std::to_string(wall) + ", 'boot-1', " + std::to_string(boot + 30'000) +
                ", " + std::to_string(wall + 30'000) + ", 30000, '{}')");
    }

    /// The same for a renewal; a release differs only in its numbers.
    void renewAsVersion010(RawDatabase& raw) const
    {
        raw.run("UPDATE locks SET standing = 0, boot_id = 'boot-1', expires_boot = " + std::to_string(_host.bootMs + 30'000) +
                ", expires_wall = " + std::to_string(_host.wallMs + 30'000) + ", ttl = 30000 WHERE name = 'job'");
    }

public:
    void testFileOfVersion010IsUpgradedAndKeepsItsLocks()
    {
        makeFileOfVersion010();
        RawDatabase raw(_path);
        grantAsVersion010(raw, "old", 1'700'000'000'000'000);
        const auto store = open();
        const auto found = store->find("job", soon());
        CPPUNIT_ASSERT(found.has_value());
        CPPUNIT_ASSERT(found->remaining == 30s);
        const LeaseRef lease{"job", "old", found->fence};
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(want(*store, 1s) == AcquireStatus::held);
        CPPUNIT_ASSERT(isWantedWhenReleased(*store, lease));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, raw.number("PRAGMA user_version"));
    }

    void testManyProcessesUpgradeOneFileAtOnce()
    {
        makeFileOfVersion010();
        std::vector<std::future<bool>> opened;
        for (int i = 0; i < 8; ++i)
            opened.push_back(std::async(std::launch::async,
                                        [this, i]
                                        {
                                            const auto name = "job " + std::to_string(i);
                                            const auto store = open();
                                            return !isWantedWhenReleased(*store, take(*store, name, "token"));
                                        }));
        for (auto& each : opened)
            CPPUNIT_ASSERT(each.get());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1},
                             RawDatabase(_path).number("SELECT count(*) FROM pragma_table_info('locks') WHERE name = 'wanted_until'"));
    }

    void testStatementsOfVersion010WorkOnACompletedFile()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "ours");
        RawDatabase old(_path);
        CPPUNIT_ASSERT(want(*store, 1s) == AcquireStatus::held);
        renewAsVersion010(old); // keeps the note
        CPPUNIT_ASSERT_EQUAL(std::string("ours"), old.text("SELECT token, fence, standing, acquired_wall, boot_id, expires_boot, "
                                                           "expires_wall, ttl, metadata FROM locks WHERE name = 'job'"));
        CPPUNIT_ASSERT(isWantedWhenReleased(*store, lease));
        grantAsVersion010(old, "old", lease.fence + 1); // erases it
        CPPUNIT_ASSERT(!isWantedWhenReleased(*store, {"job", "old", lease.fence + 1}));
    }

    void testPollWithLastingNoteWritesNothing()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token");
        RawDatabase watcher(_path);
        const auto version = [&watcher] { return watcher.number("PRAGMA data_version"); };
        const auto before = version();
        CPPUNIT_ASSERT(want(*store, 0s) == AcquireStatus::held);
        CPPUNIT_ASSERT_EQUAL(before, version());
        CPPUNIT_ASSERT(want(*store, 1s) == AcquireStatus::held);
        const auto noted = version();
        CPPUNIT_ASSERT(noted != before);
        for (int polls = 0; polls < 3; ++polls)
        {
            _host.advance(1s);
            CPPUNIT_ASSERT(want(*store, 1s) == AcquireStatus::held);
        }
        CPPUNIT_ASSERT_EQUAL(noted, version());
        CPPUNIT_ASSERT(isWantedWhenReleased(*store, lease));
    }

    void testWaiterNoteOfAnotherBootIsConverted()
    {
        const auto lease = [this]
        {
            const auto store = open();
            auto taken = take(*store, "job", "token", 10min);
            CPPUNIT_ASSERT(want(*store, 1h) == AcquireStatus::held);
            return taken;
        }();
        _host.reboot(1min);
        const auto store = open();
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed); // writes the new boot id into the row
        CPPUNIT_ASSERT(isWantedWhenReleased(*store, lease));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteWantedTest);

} // namespace Leasehold
