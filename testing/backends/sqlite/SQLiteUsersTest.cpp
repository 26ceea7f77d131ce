#include "FeedCounts.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "Leasehold/waitUntil.h"
#include "OwnMounts.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <stdexcept>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Leasehold
{
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Several users of one file: users of a group that may write it, and users who may only read it.
class SQLiteUsersTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteUsersTest);
    CPPUNIT_TEST(testFilesAreMadeAsTheUmaskAllows);
    CPPUNIT_TEST(testUsersOfAGroupShareADirectory);
    CPPUNIT_TEST(testReleaseTouchesTheWakeFileOfTheGroup);
    CPPUNIT_TEST(testReleaseReplacesTheWakeFileOfAnotherUser);
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

    void openDirectoryToTheGroup() const
    {
        constexpr mode_t setGroup = 02775;
        if (::geteuid() == 0)
            CPPUNIT_ASSERT_EQUAL(0, ::chown(_directory.path().c_str(), 0, group));
        CPPUNIT_ASSERT_EQUAL(0, ::chmod(_directory.path().c_str(), setGroup));
    }

    ino_t wakeFile() const
    {
        struct stat about = {};
        return ::stat((_path + "-wake").c_str(), &about) == 0 ? about.st_ino : 0;
    }

    /// A user releases a lock, which a process waits for by the wake file of another user of the group.
    void checkWakeFileOfAnotherUser(mode_t mode) const
    {
        openDirectoryToTheGroup();
        asUser(1001,
               [&]
               {
                   ::umask(0002);
                   openStore(_path)->prepare(soon());
                   const int made = ::open((_path + "-wake").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                   CPPUNIT_ASSERT(made >= 0 && ::fchmod(made, mode) == 0);
               });
        const auto store = openStore(_path);
        FeedCounts told;
        const auto feed = store->releaseFeed(told);
        feed->watch("job");
        CPPUNIT_ASSERT(waitUntil([&] { return told.confirmed == 1; }));
        const auto before = wakeFile();
        asUser(1002,
               [&]
               {
                   const auto other = openStore(_path);
                   const auto lease = take(*other, "job", "token");
                   other->acquire({.name = "job", .token = "waiter", .ttl = 30s, .wantedFor = 1min}, soon());
                   CPPUNIT_ASSERT(other->release(lease, soon()).wanted);
               });
        CPPUNIT_ASSERT(waitUntil([&] { return told.free > 0; }));
        if (mode == 0664 || ::geteuid() != 0) // without root there is only one user
        {
            CPPUNIT_ASSERT_EQUAL(before, wakeFile());
            return;
        }
        CPPUNIT_ASSERT(waitUntil([&] { return told.confirmed == 2; })); // the waiter has made a new file
        CPPUNIT_ASSERT_EQUAL(mode_t{0664}, modeOf(_path + "-wake"));
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
        openDirectoryToTheGroup();
        for (const uid_t user : {1001, 1002, 1001})
            asUser(user,
                   [&]
                   {
                       ::umask(0002);
                       const auto store = openStore(_path);
                       store->release(take(*store, "job", "token-" + std::to_string(user)), soon());
                   });
    }

    void testReleaseTouchesTheWakeFileOfTheGroup() { checkWakeFileOfAnotherUser(0664); }

    /// Only its owner may touch it.
    void testReleaseReplacesTheWakeFileOfAnotherUser() { checkWakeFileOfAnotherUser(0644); }

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
