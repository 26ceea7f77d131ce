#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "OwnMounts.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <grp.h>
#include <stdexcept>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Leasehold
{
namespace fs = std::filesystem;

/// Several users of one file: users of a group that may write it, and users who may only read it.
class SQLiteUsersTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteUsersTest);
    CPPUNIT_TEST(testFilesAreMadeAsTheUmaskAllows);
    CPPUNIT_TEST(testUsersOfAGroupShareADirectory);
    CPPUNIT_TEST(testReaderFindsAndListsButTakesNothing);
    CPPUNIT_TEST(testReaderWithoutLogIsToldHowToCreateIt);
    CPPUNIT_TEST(testReaderListsAFileOfVersion010);
    CPPUNIT_TEST(testReaderOfAnEmptyFileIsRefused);
    CPPUNIT_TEST(testReadOnlyFileSystemCanBeListed);
    CPPUNIT_TEST_SUITE_END();

    static constexpr mode_t rights = 0777;
    static constexpr gid_t group = 2000;

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");

    static mode_t modeOf(const std::string& path)
    {
        struct stat about = {};
        CPPUNIT_ASSERT_EQUAL_MESSAGE(path, 0, ::stat(path.c_str(), &about));
        return about.st_mode & rights;
    }

    void setModes(mode_t mode) const
    {
        for (const char* suffix : {"", "-wal", "-shm"})
            CPPUNIT_ASSERT_EQUAL(0, ::chmod((_path + suffix).c_str(), mode));
    }

    /// Becomes another user, which only root can. The saved ids stay, for ForkedChild.
    static void become(uid_t user)
    {
        if (::geteuid() == 0 && (::setgroups(1, &group) != 0 || ::setresgid(user, user, 0) != 0 || ::setresuid(user, user, 0) != 0))
            throw std::runtime_error("cannot become another user");
    }

    static void asUser(uid_t user, const std::function<void()>& work)
    {
        ForkedChild child(
            [&]
            {
                become(user);
                work();
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
    }

public:
    void testFilesAreMadeAsTheUmaskAllows()
    {
        for (const mode_t mask : {0002U, 0022U, 0077U})
        {
            const auto path = _directory.file(std::to_string(mask) + ".db");
            ForkedChild child(
                [&]
                {
                    ::umask(mask);
                    take(*openStore(path), "job", "token");
                    return 0;
                });
            CPPUNIT_ASSERT_EQUAL(0, child.wait());
            for (const char* suffix : {"", "-wal", "-shm"})
                CPPUNIT_ASSERT_EQUAL_MESSAGE(path + suffix, 0666 & ~mask, modeOf(path + suffix));
        }
    }

    void testUsersOfAGroupShareADirectory()
    {
        constexpr mode_t setGroup = 02775;
        if (::geteuid() == 0)
            CPPUNIT_ASSERT_EQUAL(0, ::chown(_directory.path().c_str(), 0, group));
        CPPUNIT_ASSERT_EQUAL(0, ::chmod(_directory.path().c_str(), setGroup));
        for (const uid_t user : {1001, 1002, 1001})
            asUser(user,
                   [&]
                   {
                       ::umask(0002);
                       const auto store = openStore(_path);
                       store->release(take(*store, "job", "token-" + std::to_string(user)), soon());
                   });
    }

    void testReaderFindsAndListsButTakesNothing()
    {
        auto writer = openStore(_path);
        const auto lease = take(*writer, "job", "token");
        setModes(0444);
        CPPUNIT_ASSERT_EQUAL(0, ::chmod(_directory.path().c_str(), 0555));
        const auto reads = [&]
        {
            const auto store = openStore(_path);
            store->prepare(soon());
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({}, soon()).size());
            const auto found = store->find("job", soon());
            CPPUNIT_ASSERT(found.has_value());
            CPPUNIT_ASSERT_EQUAL(lease.fence, found->fence);
            assertNames(messageOf<LockStoreError>([&] { tryAcquire(*store, "free", "token"); }), {_path, "read-only for this user"});
            messageOf<LockStoreError>([&] { store->breakLock("job", lease.fence, BreakMode::whenItEnds, soon()); });
        };
        asUser(1001, reads);
        writer.reset(); // now no process has the file open
        asUser(1001, reads);
    }

    void testReaderWithoutLogIsToldHowToCreateIt()
    {
        take(*openStore(_path), "job", "token");
        setModes(0444);
        for (const char* suffix : {"-wal", "-shm"})
            fs::remove(_path + suffix);
        CPPUNIT_ASSERT_EQUAL(0, ::chmod(_directory.path().c_str(), 0555));
        asUser(1001,
               [&] {
                   assertNames(messageOf<LockStoreError>([&] { openStore(_path)->list({}, soon()); }),
                               {_path, "may only read", "-wal and -shm"});
               });
    }

    /// The file lacks a column that a reader cannot add and does not need.
    void testReaderListsAFileOfVersion010()
    {
        const auto writer = openStore(_path); // so that the log stays
        take(*writer, "job", "token");
        RawDatabase(_path).run("ALTER TABLE locks DROP COLUMN wanted_until");
        setModes(0444);
        asUser(1001, [&] { CPPUNIT_ASSERT_EQUAL(std::size_t{1}, openStore(_path)->list({}, soon()).size()); });
    }

    void testReaderOfAnEmptyFileIsRefused()
    {
        CPPUNIT_ASSERT_EQUAL(0, ::mknod(_path.c_str(), S_IFREG | 0444, 0));
        CPPUNIT_ASSERT_EQUAL(0, ::chmod(_directory.path().c_str(), 0555));
        asUser(1001,
               [&] {
                   assertNames(messageOf<LockStoreError>([&] { openStore(_path)->list({}, soon()); }), {_path, "read-only for this user"});
               });
    }

    void testReadOnlyFileSystemCanBeListed()
    {
        withOwnMounts("a read-only file system",
                      [&]
                      {
                          take(*openStore(_path), "job", "token");
                          mountElsewhere(_directory.path(), _directory.path());
                          if (::mount("none", _directory.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
                              throw std::runtime_error("cannot make the mount read-only");
                          const auto store = openStore(_path);
                          store->prepare(soon());
                          return store->list({}, soon()).size() == 1;
                      });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteUsersTest);

} // namespace Leasehold
