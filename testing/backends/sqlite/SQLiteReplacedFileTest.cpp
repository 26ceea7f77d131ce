#include "ChildProcess.h"
#include "Leasehold/Exceptions.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "StoreFile.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <functional>
#include <utility>

namespace Leasehold
{
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// The file is deleted or replaced under stores that use it: losses are told, and there are no two holders.
class SQLiteReplacedFileTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteReplacedFileTest);
    CPPUNIT_TEST(testLeasesOfADeletedFileAreLost);
    CPPUNIT_TEST(testLeasesOfAReplacedFileAreLostEvenIfTheNewOneKnowsThem);
    CPPUNIT_TEST(testNobodyIsGrantedALeaseOfADeletedFileBeforeItEnds);
    CPPUNIT_TEST(testAProcessThatStartsAfterwardsIsHeldOffToo);
    CPPUNIT_TEST(testFencesGrowAcrossADeletedFile);
    CPPUNIT_TEST(testAReaderNoticesAsWell);
    CPPUNIT_TEST(testARemovedLogIsNoticed);
    CPPUNIT_TEST(testAMovedDirectoryIsNoticed);
    CPPUNIT_TEST(testAFileThatIsGoneWhileNoConnectionIsOpenKeepsGrantsBack);
    CPPUNIT_TEST(testADamagedFileThatIsGoneKeepsGrantsBack);
    CPPUNIT_TEST(testAFileThatIsRemovedOrReplacedWhileItIsOpenedIsNotUsed);
    CPPUNIT_TEST(testPrepareFindsTheFileThatIsThereNow);
    CPPUNIT_TEST(testManyReplacementsWhileManyRenewLeaveOneHolder);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");
    TestHost _host;

    std::shared_ptr<SQLiteLockStore> open() { return openStore(_path, _host.clocks()); }

    void removeAll() const
    {
        for (const char* suffix : {"", "-wal", "-shm"})
            fs::remove(_path + suffix);
    }

public:
    void testLeasesOfADeletedFileAreLost()
    {
        const auto store = open();
        const auto first = take(*store, "first", "token"), second = take(*store, "second", "token");
        fs::remove(_path);
        const RenewRequest both[] = {{first, 30s}, {second, 30s}};
        const auto replies = store->renew(both, soon());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, replies.size());
        for (const auto& reply : replies)
            CPPUNIT_ASSERT(reply.status == RenewStatus::lost);
        CPPUNIT_ASSERT(store->release(first, soon()) == ReleaseStatus::notHeld);
        take(*store, "third", "token");
    }

    void testLeasesOfAReplacedFileAreLostEvenIfTheNewOneKnowsThem()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token");
        RawDatabase(_path).run("VACUUM INTO '" + _directory.file("backup.db") + "'");
        removeAll();
        fs::rename(_directory.file("backup.db"), _path);
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status == AcquireStatus::held);
    }

    void testNobodyIsGrantedALeaseOfADeletedFileBeforeItEnds()
    {
        const auto holder = open(), other = open();
        take(*holder, "job", "token", 30s);
        other->find("job", soon());
        fs::remove(_path);
        CPPUNIT_ASSERT(tryAcquire(*other, "job", "other").status == AcquireStatus::held);
        CPPUNIT_ASSERT(tryAcquire(*other, "free", "other").status == AcquireStatus::granted);
        _host.advance(29'999ms);
        CPPUNIT_ASSERT(tryAcquire(*other, "job", "other").status == AcquireStatus::held);
        _host.advance(1ms);
        CPPUNIT_ASSERT(tryAcquire(*other, "job", "other").status == AcquireStatus::granted);
    }

    void testAProcessThatStartsAfterwardsIsHeldOffToo()
    {
        const auto holder = open();
        const auto lease = take(*holder, "job", "token", 30s);
        fs::remove(_path);
        CPPUNIT_ASSERT(renew(*holder, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(renew(*holder, lease) == RenewStatus::lost); // opens the new file
        const auto fresh = open();
        CPPUNIT_ASSERT(tryAcquire(*fresh, "job", "other").status == AcquireStatus::held);
        _host.advance(30s);
        CPPUNIT_ASSERT(tryAcquire(*fresh, "job", "other").status == AcquireStatus::granted);
    }

    void testFencesGrowAcrossADeletedFile()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token", 30s);
        fs::remove(_path);
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        _host.advance(30s);
        CPPUNIT_ASSERT(take(*store, "job", "other").fence > lease.fence);
    }

    void testAReaderNoticesAsWell()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token");
        CPPUNIT_ASSERT(store->find("job", soon()).has_value());
        fs::remove(_path);
        messageOf<LockStoreUnavailable>([&] { store->find("job", soon()); });
        const auto found = store->find("job", soon());
        CPPUNIT_ASSERT(found.has_value()); // somebody may still believe in it
        CPPUNIT_ASSERT_EQUAL(lease.fence, found->fence);
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status != AcquireStatus::granted);
    }

    void testARemovedLogIsNoticed()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token");
        fs::remove(_path + "-wal");
        fs::remove(_path + "-shm");
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status == AcquireStatus::held);
    }

    void testAMovedDirectoryIsNoticed()
    {
        const auto inner = _directory.file("inner");
        fs::create_directory(inner);
        const auto store = openStore(inner + "/locks.db", _host.clocks());
        const auto lease = take(*store, "job", "token");
        fs::rename(inner, _directory.file("elsewhere"));
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        messageOf<LockStoreError>([&] { tryAcquire(*store, "job", "other"); }); // there is no directory
        fs::create_directory(inner);
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status == AcquireStatus::held);
    }

    /// A fork closes connections. Then the old file cannot be asked for its leases.
    void testAFileThatIsGoneWhileNoConnectionIsOpenKeepsGrantsBack()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token", 30s);
        CPPUNIT_ASSERT_EQUAL(0, ChildProcess([] { return 0; }).wait());
        fs::copy_file(_path, _directory.file("copy.db")); // so that the new file is another one, whatever the file system reuses
        removeAll();
        fs::rename(_directory.file("copy.db"), _path);
        assertNames(messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "free", "other"); }), {_path, "replaced", "30s"});
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        _host.advance(30s);
        take(*store, "job", "other");
    }

    /// A row that cannot be read hides how long its lease is believed in. Guards: the new file had the inode of the old one, and was
    /// taken for it.
    void testADamagedFileThatIsGoneKeepsGrantsBack()
    {
        bool removes = false;
        auto clocks = _host.clocks();
        clocks.boottime = [&, before = clocks.boottime] // is asked within the transaction, before the row is looked at
        {
            if (std::exchange(removes, false))
                removeAll();
            return before();
        };
        const auto store = openStore(_path, clocks);
        const auto lease = take(*store, "job", "token", 30s);
        RawDatabase(_path).run("UPDATE locks SET fence = -1");
        removes = true;
        assertNames(messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "job", "other"); }), {_path, "removed or replaced"});
        assertNames(messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "free", "other"); }), {_path, "replaced", "30s"});
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        _host.advance(30s);
        take(*store, "job", "other");
    }

    void testAFileThatIsRemovedOrReplacedWhileItIsOpenedIsNotUsed()
    {
        const auto lease = take(*open(), "job", "token");
        fs::copy_file(_path, _directory.file("copy.db"));
        std::function<void()> whileOpened;
        auto clocks = _host.clocks();
        clocks.bootId = [&, before = clocks.bootId] // is asked between opening the file and looking into it
        {
            if (whileOpened)
                std::exchange(whileOpened, nullptr)();
            return before();
        };
        const auto store = openStore(_path, clocks);
        whileOpened = [&]
        {
            removeAll();
            fs::rename(_directory.file("copy.db"), _path);
        };
        assertNames(messageOf<LockStoreUnavailable>([&] { renew(*store, lease); }), {_path, "while it was being opened"});
        whileOpened = [&] { removeAll(); };
        assertNames(messageOf<LockStoreUnavailable>([&] { renew(*store, lease); }), {_path, "while it was being opened"});
        CPPUNIT_ASSERT(!fs::exists(_path));
        take(*store, "job", "other");
    }

    void testPrepareFindsTheFileThatIsThereNow()
    {
        const auto store = open();
        store->prepare(soon());
        removeAll();
        store->prepare(soon());
        CPPUNIT_ASSERT(fs::exists(_path));
        take(*store, "job", "token");
    }

    void testManyReplacementsWhileManyRenewLeaveOneHolder()
    {
        constexpr int rounds = 20;
        const auto one = open(), two = open();
        for (int round = 0; round < rounds; ++round)
        {
            const auto token = std::to_string(round);
            const auto lease = take(*one, "job", "one" + token, 30s);
            two->find("job", soon());
            removeAll();
            int granted = 0;
            for (int attempt = 0; attempt < 3; ++attempt)
                try
                {
                    granted += tryAcquire(*two, "job", "two" + token).status == AcquireStatus::granted ? 1 : 0;
                }
                catch (const LockStoreUnavailable&)
                {
                }
            CPPUNIT_ASSERT_EQUAL(0, granted);
            CPPUNIT_ASSERT(renew(*one, lease) == RenewStatus::lost);
            _host.advance(30s);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteReplacedFileTest);

} // namespace Leasehold
