#include "FileNameCheck.h"
#include "Leasehold/Exceptions.h"
#include "OwnMounts.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>

namespace Leasehold
{
namespace fs = std::filesystem;

/// A database with two names would have two logs, and so two holders of one lock.
class SQLiteNamesTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteNamesTest);
    CPPUNIT_TEST(testHardLinkIsRefusedByEitherName);
    CPPUNIT_TEST(testHardLinkMadeWhileInUseStopsGrantsOnly);
    CPPUNIT_TEST(testHardLinkElsewhereCannotBeOpenedWhileInUse);
    CPPUNIT_TEST(testHardLinkOfTheLogIsRefused);
    CPPUNIT_TEST(testBindMountedFileIsRefused);
    CPPUNIT_TEST(testBindMountedEmptyFileIsRefused);
    CPPUNIT_TEST(testBindMountedLogIsRefused);
    CPPUNIT_TEST(testBindMountedDirectoryIsTheSameStore);
    CPPUNIT_TEST(testMountPointIsFoundInTheListOfMountsToo);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _inner = _directory.file("a folder"), _path = _inner + "/locks.db";
    const std::string _otherFolder = _directory.file("other"), _other = _otherFolder + "/locks.db";

    /// Creates the empty file `at` and mounts `file` there.
    static void mountFile(const std::string& file, const std::string& at)
    {
        std::ofstream{at};
        mountElsewhere(file, at);
    }

    /// Asserts that every verb is refused for this name, and that no log is created beside it.
    static void assertRefused(const std::string& path, std::initializer_list<std::string> words)
    {
        const bool hadLog = fs::exists(path + "-wal");
        const auto store = openStore(path);
        const auto message = messageOf<LockStoreError>([&] { tryAcquire(*store, "job", "other"); });
        assertNames(message, words);
        messageOf<LockStoreError>([&] { store->prepare(soon()); });
        messageOf<LockStoreError>([&] { store->list({}, soon()); });
        messageOf<LockStoreError>([&] { renew(*store, {"job", "token", 1}); });
        CPPUNIT_ASSERT_EQUAL(hadLog, fs::exists(path + "-wal"));
    }

public:
    void setUp() override
    {
        fs::create_directory(_inner);
        fs::create_directory(_otherFolder);
    }

    void testHardLinkIsRefusedByEitherName()
    {
        const auto lease = take(*openStore(_path), "job", "token");
        fs::create_hard_link(_path, _other);
        assertRefused(_other, {_other, "2 names", "hard links", "share its directory"});
        assertRefused(_path, {_path, "2 names"});
        fs::remove(_other);
        CPPUNIT_ASSERT(renew(*openStore(_path), lease) == RenewStatus::renewed);
    }

    /// Neither name can be opened any more, so held leases stay exclusive. A backup that makes hard links must not end them.
    void testHardLinkMadeWhileInUseStopsGrantsOnly()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
        const auto beside = _inner + "/beside.db";
        fs::create_hard_link(_path, beside);
        assertRefused(beside, {"2 names"});
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed); // now the store has seen the link
        assertNames(messageOf<LockStoreError>([&] { tryAcquire(*store, "free", "token"); }), {_path, "2 names"});
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->release(lease, soon()).status == ReleaseStatus::released);
        fs::remove(beside);
        take(*store, "free", "token");
    }

    void testHardLinkElsewhereCannotBeOpenedWhileInUse()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        fs::create_hard_link(_path, _other);
        assertRefused(_other, {"2 names"});
        assertRefused(_path, {"2 names"});
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
    }

    void testHardLinkOfTheLogIsRefused()
    {
        for (const char* suffix : {"-wal", "-shm"})
        {
            take(*openStore(_path), suffix, "token");
            fs::create_hard_link(_path + suffix, _other);
            assertRefused(_path, {_path + suffix, "2 names"});
            fs::remove(_other);
        }
    }

    void testBindMountedFileIsRefused()
    {
        withOwnMounts("a database that is a mount point",
                      [&]
                      {
                          const auto lease = take(*openStore(_path), "job", "token");
                          mountFile(_path, _other);
                          assertRefused(_other, {_other, "mount point", "Mount the directory"});
                          fs::create_symlink(_other, _directory.file("link.db"));
                          assertRefused(_directory.file("link.db"), {_other, "mount point"});
                          return renew(*openStore(_path), lease) == RenewStatus::renewed;
                      });
    }

    void testBindMountedEmptyFileIsRefused()
    {
        withOwnMounts("an empty file that is a mount point",
                      [&]
                      {
                          std::ofstream{_path};
                          mountFile(_path, _other);
                          assertRefused(_other, {_other, "mount point"});
                          return fs::file_size(_path) == 0;
                      });
    }

    void testBindMountedLogIsRefused()
    {
        withOwnMounts("a log that is a mount point",
                      [&]
                      {
                          take(*openStore(_path), "job", "token");
                          std::ofstream{_other};
                          mountElsewhere(_other, _path + "-wal");
                          assertRefused(_path, {_path + "-wal", "mount point"});
                          return true;
                      });
    }

    void testBindMountedDirectoryIsTheSameStore()
    {
        withOwnMounts("a directory that is mounted twice",
                      [&]
                      {
                          const auto store = openStore(_path), other = openStore(_other);
                          const auto lease = take(*store, "job", "token");
                          mountElsewhere(_inner, _otherFolder);
                          return tryAcquire(*other, "job", "other").status == AcquireStatus::held &&
                                 renew(*other, lease) == RenewStatus::renewed && renew(*store, lease) == RenewStatus::renewed;
                      });
    }

    /// For kernels without mount numbers. The list of mounts escapes the space in the folder's name.
    void testMountPointIsFoundInTheListOfMountsToo()
    {
        withOwnMounts("the list of mounts",
                      [&]
                      {
                          using namespace FileNameCheck;
                          std::ofstream{_path};
                          std::ofstream{_other};
                          CPPUNIT_ASSERT(!isMountPointByList(_path));
                          mountElsewhere(_other, _path);
                          CPPUNIT_ASSERT(isMountPointByList(_path));
                          CPPUNIT_ASSERT(!isMountPointByList(_other));
                          const auto byNumber = isMountPointByNumber(_path);
                          return !byNumber || (*byNumber && !*isMountPointByNumber(_other));
                      });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteNamesTest);

} // namespace Leasehold
