#include "ChildProcess.h"
#include "Leasehold/Exceptions.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Leasehold
{
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Files, and places for files, that are not fit for a store: each gets an error that says so, and is left as it is.
class SQLiteFileTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteFileTest);
    CPPUNIT_TEST(testAFileThatIsNoDatabaseIsRefusedAndLeftAsItIs);
    CPPUNIT_TEST(testADatabaseThatWasCutOffIsRefused);
    CPPUNIT_TEST(testTheDatabaseOfAnotherApplicationIsRefusedAndLeftAsItIs);
    CPPUNIT_TEST(testANewerSchemaIsRefusedAndLeftAsItIs);
    CPPUNIT_TEST(testANewerSchemaIsNoticedWhileTheFileIsOpen);
    CPPUNIT_TEST(testAnUnknownOldSchemaIsRefused);
    CPPUNIT_TEST(testOurFileWithoutItsTableIsAnError);
    CPPUNIT_TEST(testARowThatNoLeaseholdWritesIsAnErrorNamingTheLock);
    CPPUNIT_TEST(testAnEmptyFileBecomesAStore);
    CPPUNIT_TEST(testADirectoryAndAPipeAreRefused);
    CPPUNIT_TEST(testAMissingDirectoryIsNamedAndNothingIsRemembered);
    CPPUNIT_TEST(testAReadOnlyFileIsRefused);
    CPPUNIT_TEST(testAReadOnlyLogIsRefused);
    CPPUNIT_TEST(testAReadOnlyDirectoryIsRefused);
    CPPUNIT_TEST(testAProcessWithoutADescriptorLeftIsToldSoAndWorkGoesOnAfterIt);
    CPPUNIT_TEST(testAFileSizeLimitIsTroubleAndWorkGoesOnAfterIt);
    CPPUNIT_TEST(testAFullDiskIsTroubleAndWorkGoesOnAfterIt);
    CPPUNIT_TEST(testAFileSystemWithoutInodesIsTroubleAndWorkGoesOnAfterIt);
    CPPUNIT_TEST(testNetworkFileSystemsAreRefusedByName);
    CPPUNIT_TEST(testASymbolicLinkIsTheFileThatItNames);
    CPPUNIT_TEST(testASymbolicLinkToNothingMakesTheFileThatItNames);
    CPPUNIT_TEST(testAFileThatWasInAnotherJournalModeIsBroughtBack);
    CPPUNIT_TEST(testNamesWithQuotesAndBytesOfAllKindsStayApart);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");

    static std::string contents(const std::string& path)
    {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    /// Every way into the store throws an Error; the message of the first.
    template <typename Error>
    static std::string refusalOf(LockStore& store)
    {
        const auto message = messageOf<Error>([&] { store.prepare(soon()); });
        messageOf<Error>([&] { tryAcquire(store, "job", "token"); });
        messageOf<Error>([&] { store.find("job", soon()); });
        messageOf<Error>([&] { store.release({"job", "token", 1}, soon()); });
        messageOf<Error>([&] { renew(store, {"job", "token", 1}); });
        return message;
    }

    /// root may do everything, so whoever is to be refused must be somebody else. The saved ids stay, for endForkedChild.
    static void becomeNobody()
    {
        if (::geteuid() == 0 && (::setresgid(65534, 65534, 0) != 0 || ::setresuid(65534, 65534, 0) != 0))
            throw std::runtime_error("cannot become another user");
    }

    /// What a child must find true where the test's directory is a small file system in memory, where mounts are allowed.
    void onAFileSystemOfItsOwn(const char* limits, const std::function<bool()>& work) const
    {
        constexpr int notAllowedHere = 77;
        ChildProcess child(
            [&]
            {
                const bool own = ::geteuid() == 0 ? ::unshare(CLONE_NEWNS) == 0 : ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
                if (!own || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                    ::mount("tmpfs", _directory.path().c_str(), "tmpfs", 0, limits) != 0)
                    return notAllowedHere;
                return work() ? 0 : 2;
            });
        const int status = child.wait();
        if (status == notAllowedHere)
            std::cerr << "no mounts are allowed here: a file system with " << limits << " was not tried\n";
        else
            CPPUNIT_ASSERT_EQUAL(0, status);
    }

public:
    void testAFileThatIsNoDatabaseIsRefusedAndLeftAsItIs()
    {
        std::ofstream(_path) << std::string(5000, 'x');
        const auto before = contents(_path);
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "not a database", "another path"});
        CPPUNIT_ASSERT(before == contents(_path));
        CPPUNIT_ASSERT(!fs::exists(_path + "-wal"));
    }

    void testADatabaseThatWasCutOffIsRefused()
    {
        take(*openStore(_path), "job", "token");
        RawDatabase(_path).run("PRAGMA wal_checkpoint(TRUNCATE)");
        fs::resize_file(_path, 4096); // the page with the locks is missing
        assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "job", "other"); }), {_path});
    }

    void testTheDatabaseOfAnotherApplicationIsRefusedAndLeftAsItIs()
    {
        RawDatabase(_path).run("CREATE TABLE users (id INTEGER); INSERT INTO users VALUES (7)");
        const auto before = contents(_path);
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "another application"});
        CPPUNIT_ASSERT(before == contents(_path));

        const auto numbered = _directory.file("numbered.db");
        RawDatabase(numbered).run("PRAGMA application_id = 77");
        assertNames(refusalOf<LockStoreError>(*openStore(numbered)), {numbered, "another application", "77"});
    }

    void testANewerSchemaIsRefusedAndLeftAsItIs()
    {
        take(*openStore(_path), "job", "token");
        RawDatabase(_path).run("PRAGMA user_version = 2");
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "schema", "2", "1", "update"});
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, RawDatabase(_path).number("SELECT count(*) FROM locks"));
    }

    void testANewerSchemaIsNoticedWhileTheFileIsOpen()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        store->find("job", soon());
        RawDatabase(_path).run("PRAGMA user_version = 2");
        assertNames(messageOf<LockStoreError>([&] { renew(*store, lease); }), {"schema", "2"});
        messageOf<LockStoreError>([&] { store->find("job", soon()); });
        RawDatabase(_path).run("PRAGMA user_version = 1");
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
    }

    void testAnUnknownOldSchemaIsRefused()
    {
        take(*openStore(_path), "job", "token");
        RawDatabase(_path).run("PRAGMA user_version = 0");
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "schema number is 0"});
    }

    void testOurFileWithoutItsTableIsAnError()
    {
        take(*openStore(_path), "job", "token");
        RawDatabase(_path).run("DROP TABLE locks");
        assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "job", "token"); }), {_path, "no such table"});
    }

    void testARowThatNoLeaseholdWritesIsAnErrorNamingTheLock()
    {
        const auto store = openStore(_path);
        take(*store, "job", "token");
        RawDatabase(_path).run("UPDATE locks SET fence = -1");
        const auto message = messageOf<LockStoreError>([&] { tryAcquire(*store, "job", "other"); });
        assertNames(message, {_path, "\"job\""});
        CPPUNIT_ASSERT(message.find("token") == std::string::npos);
        take(*store, "another", "token");
    }

    void testAnEmptyFileBecomesAStore()
    {
        std::ofstream{_path};
        take(*openStore(_path), "job", "token");
    }

    void testADirectoryAndAPipeAreRefused()
    {
        fs::create_directory(_path);
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "directory"});
        const auto pipe = _directory.file("pipe");
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(pipe.c_str(), 0600));
        assertNames(refusalOf<LockStoreError>(*openStore(pipe)), {pipe, "regular file"});
    }

    void testAMissingDirectoryIsNamedAndNothingIsRemembered()
    {
        const auto path = _directory.file("missing/locks.db");
        const auto store = openStore(path);
        assertNames(refusalOf<LockStoreError>(*store), {_directory.file("missing"), "directory must exist"});
        fs::create_directory(_directory.file("missing"));
        take(*store, "job", "token");
    }

    void testAReadOnlyFileIsRefused()
    {
        take(*openStore(_path), "job", "token");
        fs::permissions(_path, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
        ChildProcess child(
            [&]
            {
                becomeNobody();
                assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "job", "token"); }), {_path, "read"});
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
    }

    void testAReadOnlyLogIsRefused()
    {
        take(*openStore(_path), "job", "token");
        fs::permissions(_path, fs::perms::others_read | fs::perms::others_write, fs::perm_options::add);
        for (const char* suffix : {"-wal", "-shm"})
            fs::permissions(_path + suffix, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
        ChildProcess child(
            [&]
            {
                becomeNobody();
                assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "job", "token"); }),
                            {_path, "must be allowed to write the file, its -wal and -shm files"});
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
    }

    void testAReadOnlyDirectoryIsRefused()
    {
        fs::permissions(_directory.path(), fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
        ChildProcess child(
            [&]
            {
                becomeNobody();
                assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "job", "token"); }),
                            {_path, "must be allowed to create"});
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
        CPPUNIT_ASSERT(!fs::exists(_path));
    }

    void testAProcessWithoutADescriptorLeftIsToldSoAndWorkGoesOnAfterIt()
    {
        take(*openStore(_path), "job", "token");
        ChildProcess child(
            [&]
            {
                rlimit before{};
                ::getrlimit(RLIMIT_NOFILE, &before);
                auto none = before;
                none.rlim_cur = 3;
                const auto store = openStore(_path), fresh = openStore(_directory.file("new.db"));
                ::setrlimit(RLIMIT_NOFILE, &none);
                const auto message = messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "other", "token"); });
                messageOf<LockStoreUnavailable>([&] { tryAcquire(*fresh, "other", "token"); });
                ::setrlimit(RLIMIT_NOFILE, &before);
                assertNames(message, {_path, "no file descriptor is left"});
                take(*store, "other", "token");
                take(*fresh, "other", "token");
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
    }

    void testAFileSizeLimitIsTroubleAndWorkGoesOnAfterIt()
    {
        ChildProcess child(
            [&]
            {
                ::signal(SIGXFSZ, SIG_IGN);
                const auto store = openStore(_path);
                const auto lease = take(*store, "job", "token");
                rlimit before{};
                ::getrlimit(RLIMIT_FSIZE, &before);
                auto tight = before;
                tight.rlim_cur = fs::file_size(_path + "-wal");
                ::setrlimit(RLIMIT_FSIZE, &tight);
                assertNames(messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "other", "token"); }), {_path});
                messageOf<LockStoreUnavailable>([&] { renew(*store, lease); });
                ::setrlimit(RLIMIT_FSIZE, &before);
                take(*store, "other", "token");
                return renew(*store, lease) == RenewStatus::renewed ? 0 : 2;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
    }

    void testAFullDiskIsTroubleAndWorkGoesOnAfterIt()
    {
        const auto work = [&]
        {
            const auto store = openStore(_path);
            const auto lease = take(*store, "job", "token");
            {
                std::ofstream filler(_directory.file("filler"));
                while (filler << std::string(4096, 'x') << std::flush)
                {
                }
            }
            assertNames(messageOf<LockStoreUnavailable>(
                            [&]
                            {
                                for (int i = 0; i < 100; ++i) // until the room that is left in the log is used up
                                    tryAcquire(*store, "other-" + std::to_string(i), "token");
                            }),
                        {_path, "space"});
            messageOf<LockStoreUnavailable>([&] { tryAcquire(*openStore(_directory.file("new.db")), "job", "token"); });
            fs::remove(_directory.file("filler"));
            take(*store, "after", "token");
            return renew(*store, lease) == RenewStatus::renewed;
        };
        onAFileSystemOfItsOwn("size=256k", work);
    }

    /// Guards against the advice that the directory must exist, and against trouble that is taken for lasting.
    void testAFileSystemWithoutInodesIsTroubleAndWorkGoesOnAfterIt()
    {
        const auto work = [&]
        {
            std::vector<std::string> fillers;
            do
                fillers.push_back(_directory.file("filler-" + std::to_string(fillers.size())));
            while (std::ofstream(fillers.back()));
            const auto store = openStore(_path);
            assertNames(messageOf<LockStoreUnavailable>([&] { tryAcquire(*store, "job", "token"); }),
                        {_path, "no space is left for a file"});
            for (const auto& filler : fillers)
                fs::remove(filler);
            take(*store, "job", "token");
            return true;
        };
        onAFileSystemOfItsOwn("nr_inodes=8", work);
    }

    void testNetworkFileSystemsAreRefusedByName()
    {
        const std::pair<std::uint64_t, const char*> refused[] = {
            {0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0x01021997, "9p"}, {0x65735546, "FUSE"}, {0xfe534d42, "SMB2"}};
        for (const auto& [number, name] : refused)
        {
            SQLiteLockStore store({.path = _path, .fileSystemType = [number = number](const std::string&) { return number; }});
            assertNames(refusalOf<LockStoreError>(store), {_path, name, "local disk"});
            CPPUNIT_ASSERT(!fs::exists(_path));
        }
        SQLiteLockStore ext4({.path = _path, .fileSystemType = [](const std::string&) { return std::uint64_t{0xef53}; }});
        take(ext4, "job", "token");
    }

    void testASymbolicLinkIsTheFileThatItNames()
    {
        const auto link = _directory.file("link.db");
        const auto direct = openStore(_path);
        const auto lease = take(*direct, "job", "token");
        fs::create_symlink(_path, link);
        const auto linked = openStore(link);
        CPPUNIT_ASSERT(tryAcquire(*linked, "job", "other").status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*linked, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(!fs::exists(link + "-wal"));
        // The link names another file from now on: that is another store.
        fs::remove(link);
        fs::create_symlink(_directory.file("second.db"), link);
        CPPUNIT_ASSERT(renew(*linked, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(renew(*direct, lease) == RenewStatus::renewed);
    }

    void testASymbolicLinkToNothingMakesTheFileThatItNames()
    {
        const auto link = _directory.file("link.db");
        fs::create_symlink(_path, link);
        take(*openStore(link), "job", "token");
        CPPUNIT_ASSERT(tryAcquire(*openStore(_path), "job", "other").status == AcquireStatus::held);
    }

    void testAFileThatWasInAnotherJournalModeIsBroughtBack()
    {
        const auto lease = take(*openStore(_path), "job", "token");
        CPPUNIT_ASSERT_EQUAL(std::string("delete"), RawDatabase(_path).text("PRAGMA journal_mode = DELETE"));
        const auto store = openStore(_path);
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(std::string("wal"), RawDatabase(_path).text("PRAGMA journal_mode"));
    }

    void testNamesWithQuotesAndBytesOfAllKindsStayApart()
    {
        const auto store = openStore(_path);
        const std::string names[] = {"a'b", "a\"b", "a%b", "a_b", "a/b", "\xc3\xa4", "A", "a", std::string(512, 'n')};
        for (const auto& name : names)
            take(*store, name, "token");
        const auto listed = store->list({}, soon());
        CPPUNIT_ASSERT_EQUAL(std::size(names), listed.size());
        CPPUNIT_ASSERT(std::is_sorted(listed.begin(), listed.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteFileTest);

} // namespace Leasehold
