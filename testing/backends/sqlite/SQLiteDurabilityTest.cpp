#include "Leasehold/Exceptions.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "VolatileDisk.h"
#include "WatchedClock.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <optional>
#include <thread>

namespace Leasehold
{
using namespace std::chrono_literals;

/// The file after a power failure, and the number of syncs.
class SQLiteDurabilityTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteDurabilityTest);
    CPPUNIT_TEST(testUnderFullEveryGrantSurvivesAPowerFailure);
    CPPUNIT_TEST(testGrantSurvivesCheckpointAndWriterBeforeItsSync);
    CPPUNIT_TEST(testFirstGrantInANewFileSurvives);
    CPPUNIT_TEST(testNormalDurabilityMayUndoLastGrantsButKeepsTheFile);
    CPPUNIT_TEST(testOnlyGrantsUnderFullWaitForTheDisk);
    CPPUNIT_TEST(testGrantThatTheDiskDoesNotConfirmIsNotAnswered);
    CPPUNIT_TEST(testReleaseIsAnsweredWhenTheGrantBesideItCannotSync);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");
    std::optional<VolatileDisk> _disk; // made in setUp, because CppUnit makes the objects of all tests at once

    std::shared_ptr<SQLiteLockStore> open(SQLiteDurability durability)
    {
        return std::make_shared<SQLiteLockStore>(SQLiteOptions{.path = _path, .durability = durability});
    }

    /// Opens the file in the state that a power failure at this moment would leave.
    std::optional<LockRecord> foundAfterPowerFailure(const std::string& name)
    {
        const auto left = _directory.file("left.db");
        std::filesystem::remove(left + "-shm");
        _disk->leaveAfterPowerFailure(_path, left);
        return openStore(left)->find(name, soon());
    }

    void assertSurvives(const LeaseRef& lease)
    {
        const auto found = foundAfterPowerFailure(lease.name);
        CPPUNIT_ASSERT_MESSAGE(lease.name, found.has_value());
        CPPUNIT_ASSERT_EQUAL(lease.fence, found->fence);
    }

public:
    void setUp() override { _disk.emplace(); }
    void tearDown() override { _disk.reset(); }

    void testUnderFullEveryGrantSurvivesAPowerFailure()
    {
        const auto store = open(SQLiteDurability::full);
        RawDatabase administrator(_path);
        for (int i = 0; i < 30; ++i)
        {
            const auto lease = take(*store, "job-" + std::to_string(i % 5), "token-" + std::to_string(i));
            assertSurvives(lease);
            if (i % 7 == 3)
                administrator.run("PRAGMA wal_checkpoint"); // the next writer restarts the log
            CPPUNIT_ASSERT(store->release(lease, soon()).status == ReleaseStatus::released);
        }
    }

    /// The store syncs the log after its commit, when others may write. Here another writer has restarted the log before the sync.
    void testGrantSurvivesCheckpointAndWriterBeforeItsSync()
    {
        const auto store = open(SQLiteDurability::full);
        store->prepare(soon());
        RawDatabase other(_path);
        other.run("PRAGMA synchronous = NORMAL");
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, other.number("SELECT count(*) FROM locks"));
        bool came = false;
        _disk->beforeNextSync(
            [&]
            {
                other.run("PRAGMA wal_checkpoint(RESTART)");
                other.run("INSERT INTO locks VALUES ('another', 't', 1, 2, 0, 'b', 0, 0, 0, '{}', 0)");
                came = true;
            });
        const auto lease = take(*store, "job", "token");
        CPPUNIT_ASSERT(came);
        assertSurvives(lease);
    }

    void testFirstGrantInANewFileSurvives()
    {
        const auto store = open(SQLiteDurability::full);
        assertSurvives(take(*store, "job", "token"));
    }

    void testNormalDurabilityMayUndoLastGrantsButKeepsTheFile()
    {
        const auto store = open(SQLiteDurability::normal);
        const auto early = take(*store, "early", "token");
        RawDatabase(_path).run("PRAGMA wal_checkpoint");
        take(*store, "late", "token");
        assertSurvives(early);
        CPPUNIT_ASSERT(!foundAfterPowerFailure("late").has_value());
    }

    void testOnlyGrantsUnderFullWaitForTheDisk()
    {
        const auto log = _path + "-wal";
        const auto careful = open(SQLiteDurability::full), quick = open(SQLiteDurability::normal);
        take(*careful, "warm", "token");
        take(*quick, "up", "token");

        auto before = _disk->syncsOf(log);
        const auto lease = take(*careful, "job", "token");
        CPPUNIT_ASSERT_EQUAL(before + 1, _disk->syncsOf(log));
        take(*careful, "job", "token"); // the request sent again: the first answer may have been lost before the sync
        CPPUNIT_ASSERT_EQUAL(before + 2, _disk->syncsOf(log));

        before = _disk->syncsOf(log);
        CPPUNIT_ASSERT(tryAcquire(*careful, "job", "other").status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*careful, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(careful->release(lease, soon()).status == ReleaseStatus::released);
        take(*quick, "job", "other");
        CPPUNIT_ASSERT_EQUAL(before, _disk->syncsOf(log));
    }

    void testGrantThatTheDiskDoesNotConfirmIsNotAnswered()
    {
        const auto store = open(SQLiteDurability::full);
        const auto lease = take(*store, "early", "token");
        _disk->failNextSync();
        assertNames(messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "job", "token"); }),
                    {_path, "\"job\"", "disk did not confirm"});
        assertSurvives(take(*store, "job", "token")); // the same request again
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
    }

    void testReleaseIsAnsweredWhenTheGrantBesideItCannotSync()
    {
        const auto store = open(SQLiteDurability::full);
        const auto lease = take(*store, "early", "token");
        RawDatabase blocker(_path);
        blocker.run("BEGIN IMMEDIATE");
        const WatchedClock first, second;
        ReleaseReply released;
        std::string failure;
        std::jthread releaser([&] { released = store->release(lease, {first, first.ManualClock::now() + 30s}); });
        CPPUNIT_ASSERT(first.waitUntilBusy());
        std::jthread acquirer(
            [&]
            {
                failure = messageOf<LockStoreUnavailable>(
                    [&] {
                        store->acquire({.name = "job", .token = "token", .ttl = 30s}, {second, second.ManualClock::now() + 30s});
                    });
            });
        CPPUNIT_ASSERT(second.waitUntilQueued());
        _disk->failNextSync();
        blocker.run("COMMIT");
        releaser.join();
        acquirer.join();
        CPPUNIT_ASSERT(released.status == ReleaseStatus::released);
        assertNames(failure, {_path, "\"job\"", "disk did not confirm"});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteDurabilityTest);

} // namespace Leasehold
