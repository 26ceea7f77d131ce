#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "OwnMounts.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "StoreFile.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <utility>

namespace Leasehold
{
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// The file is deleted or replaced while stores use it: they report losses, and there are never two holders.
class SQLiteReplacedFileTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteReplacedFileTest);
    CPPUNIT_TEST(testLeasesOfADeletedFileAreLost);
    CPPUNIT_TEST(testLeasesOfReplacedFileAreLostEvenIfNewFileHasThem);
    CPPUNIT_TEST(testLeaseOfDeletedFileIsNotGrantedBeforeItEnds);
    CPPUNIT_TEST(testProcessStartedAfterReplacementIsHeldOffToo);
    CPPUNIT_TEST(testFencesGrowAcrossADeletedFile);
    CPPUNIT_TEST(testReaderNoticesReplacedFile);
    CPPUNIT_TEST(testRemovedLogIsNoticed);
    CPPUNIT_TEST(testMovedDirectoryIsNoticed);
    CPPUNIT_TEST(testFileRemovedWithoutOpenConnectionStopsGrants);
    CPPUNIT_TEST(testRemovedDamagedFileStopsGrants);
    CPPUNIT_TEST(testFileReplacedDuringOpenIsNotUsed);
    CPPUNIT_TEST(testPrepareFindsTheFileThatIsThereNow);
    CPPUNIT_TEST(testManyReplacementsWhileManyRenewLeaveOneHolder);
    CPPUNIT_TEST(testReplacedFileIsNoticedWhereTimesAreWholeSeconds);
    CPPUNIT_TEST(testReplacedFileIsNoticedThoughItsInodeIsReused);
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

    /// Makes the test's directory an ext4 file system for small disks, whose times are whole seconds. It needs a loop device.
    void onWholeSeconds(const std::function<bool()>& work) const
    {
        const TestDirectory images;
        const auto make = "PATH=$PATH:/sbin:/usr/sbin; truncate -s 16M " + images.file("disk") + " && mkfs.ext4 -q -F -I 128 " +
                          images.file("disk") + " >/dev/null 2>&1 && mount -o loop " + images.file("disk") + " " +
                          _directory.path().string();
        withOwnMounts("a file system with times in whole seconds",
                      [&]
                      {
                          if (std::system(make.c_str()) != 0)
                          {
                              std::cerr << "no loop device is to be had: a file system with times in whole seconds was not tried\n";
                              return true;
                          }
                          return work();
                      });
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
        CPPUNIT_ASSERT(store->release(first, soon()).status == ReleaseStatus::notHeld);
        take(*store, "third", "token");
    }

    void testLeasesOfReplacedFileAreLostEvenIfNewFileHasThem()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token");
        RawDatabase(_path).run("VACUUM INTO '" + _directory.file("backup.db") + "'");
        removeAll();
        fs::rename(_directory.file("backup.db"), _path);
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status == AcquireStatus::held);
    }

    void testLeaseOfDeletedFileIsNotGrantedBeforeItEnds()
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

    void testProcessStartedAfterReplacementIsHeldOffToo()
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

    void testReaderNoticesReplacedFile()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token");
        CPPUNIT_ASSERT(store->find("job", soon()).has_value());
        fs::remove(_path);
        messageOf<LockStoreUnavailable>([&] { store->find("job", soon()); });
        const auto found = store->find("job", soon());
        CPPUNIT_ASSERT(found.has_value()); // stays taken, because its holder may not know of the loss yet
        CPPUNIT_ASSERT_EQUAL(lease.fence, found->fence);
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status != AcquireStatus::granted);
    }

    void testRemovedLogIsNoticed()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token");
        fs::remove(_path + "-wal");
        fs::remove(_path + "-shm");
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status == AcquireStatus::held);
    }

    void testMovedDirectoryIsNoticed()
    {
        const auto inner = _directory.file("inner");
        fs::create_directory(inner);
        const auto store = openStore(inner + "/locks.db", _host.clocks());
        const auto lease = take(*store, "job", "token");
        fs::rename(inner, _directory.file("elsewhere"));
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        messageOf<LockStoreError>([&] { tryAcquire(*store, "job", "other"); }); // the directory is missing
        fs::create_directory(inner);
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status == AcquireStatus::held);
    }

    /// A fork closes the connections, so the store cannot read the leases of the old file.
    void testFileRemovedWithoutOpenConnectionStopsGrants()
    {
        const auto store = open();
        const auto lease = take(*store, "job", "token", 30s);
        CPPUNIT_ASSERT_EQUAL(0, ForkedChild([] { return 0; }).wait());
        fs::copy_file(_path, _directory.file("copy.db")); // so that the new file has another inode
        removeAll();
        fs::rename(_directory.file("copy.db"), _path);
        assertNames(messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "free", "other"); }), {_path, "replaced", "30s"});
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
        _host.advance(30s);
        take(*store, "job", "other");
    }

    /// An unreadable row hides the end of its lease. Guards against a new file that was taken for the old one because it has its inode
    /// number.
    void testRemovedDamagedFileStopsGrants()
    {
        bool removes = false;
        auto clocks = _host.clocks();
        clocks.boottime = [&, before = clocks.boottime] // called within the transaction, before the row is read
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

    void testFileReplacedDuringOpenIsNotUsed()
    {
        const auto lease = take(*open(), "job", "token");
        fs::copy_file(_path, _directory.file("copy.db"));
        std::function<void()> whileOpened;
        auto clocks = _host.clocks();
        clocks.bootId = [&, before = clocks.bootId] // called after the file is opened and before it is read
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

    /// In some rounds all changes happen within one second.
    void testReplacedFileIsNoticedWhereTimesAreWholeSeconds()
    {
        constexpr int rounds = 10;
        onWholeSeconds(
            [&]
            {
                for (int round = 0; round < rounds; ++round)
                {
                    const auto store = open();
                    const auto lease = take(*store, "job", "token");
                    CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
                    removeAll();
                    take(*open(), "job", "other");
                    CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
                    removeAll();
                }
                return true;
            });
    }

    /// ext4 gives the inode number of a removed file to the next file at once.
    void testReplacedFileIsNoticedThoughItsInodeIsReused()
    {
        onWholeSeconds(
            [&]
            {
                const auto store = open();
                const auto lease = take(*store, "job", "token", 30s);
                const auto before = FileId::of(_path);
                CPPUNIT_ASSERT_EQUAL(0, ForkedChild([] { return 0; }).wait()); // a fork closes idle connections
                removeAll();
                open()->prepare(soon());
                CPPUNIT_ASSERT(FileId::of(_path) == before);
                assertNames(messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "job", "other"); }), {_path, "replaced", "30s"});
                CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::lost);
                return true;
            });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteReplacedFileTest);

} // namespace Leasehold
