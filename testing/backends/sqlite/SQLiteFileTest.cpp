#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "OwnMounts.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Leasehold
{
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Unfit files and directories: the store reports each and does not change it.
class SQLiteFileTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteFileTest);
    CPPUNIT_TEST(testFileThatIsNoDatabaseIsRefusedUnchanged);
    CPPUNIT_TEST(testTruncatedDatabaseIsRefused);
    CPPUNIT_TEST(testDatabaseOfAnotherApplicationIsRefusedUnchanged);
    CPPUNIT_TEST(testNewerSchemaIsRefusedUnchanged);
    CPPUNIT_TEST(testNewerSchemaIsNoticedWhileTheFileIsOpen);
    CPPUNIT_TEST(testUnknownOldSchemaIsRefused);
    CPPUNIT_TEST(testOurFileWithoutItsTableIsAnError);
    CPPUNIT_TEST(testInvalidRowIsAnErrorNamingTheLock);
    CPPUNIT_TEST(testEmptyFileBecomesAStore);
    CPPUNIT_TEST(testDirectoryAndAPipeAreRefused);
    CPPUNIT_TEST(testMissingDirectoryIsNamedAndNothingIsRemembered);
    CPPUNIT_TEST(testReadOnlyFileIsRefused);
    CPPUNIT_TEST(testReadOnlyLogIsRefused);
    CPPUNIT_TEST(testReadOnlyDirectoryIsRefused);
    CPPUNIT_TEST(testNoDescriptorLeftIsUnavailableAndWorksLater);
    CPPUNIT_TEST(testMissingProcIsReported);
    CPPUNIT_TEST(testFileSizeLimitIsUnavailableAndWorksLater);
    CPPUNIT_TEST(testFullDiskIsUnavailableAndWorksLater);
    CPPUNIT_TEST(testNoInodesLeftIsUnavailableAndWorksLater);
    CPPUNIT_TEST(testUnfitFileSystemsAreRefusedByName);
    CPPUNIT_TEST(testSymbolicLinkIsTheSameStoreAsItsTarget);
    CPPUNIT_TEST(testDanglingSymbolicLinkCreatesItsTarget);
    CPPUNIT_TEST(testOtherJournalModeIsChangedBackToWal);
    CPPUNIT_TEST(testNamesWithQuotesAndBytesOfAllKindsStayApart);
    CPPUNIT_TEST_SUITE_END();

    static inline int grants = 0;
    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");

    static std::string contents(const std::string& path)
    {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    /// Every verb throws an Error; returns the message of the first.
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

    /// root has all rights, so the child becomes another user. It keeps the saved ids, for ForkedChild.
    static void becomeNobody()
    {
        if (::geteuid() == 0 && (::setresgid(65534, 65534, 0) != 0 || ::setresuid(65534, 65534, 0) != 0))
            throw std::runtime_error("cannot become another user");
    }

    /// The error of an acquire; empty: it was granted.
    static std::string messageUnlessGranted(LockStore& store)
    {
        try
        {
            store.release(take(store, "other", "token-" + std::to_string(++grants)), soon());
            return {};
        }
        catch (const LockStoreUnavailable& error)
        {
            return error.message();
        }
    }

    /// If this user may mount, runs a check in a child with a small file system in memory at the test's directory.
    void onAFileSystemOfItsOwn(const char* limits, const std::function<bool()>& work) const
    {
        withOwnMounts(limits,
                      [&]
                      {
                          mountFileSystem("tmpfs", _directory.path(), limits);
                          return work();
                      });
    }

public:
    void testFileThatIsNoDatabaseIsRefusedUnchanged()
    {
        std::ofstream(_path) << std::string(5000, 'x');
        const auto before = contents(_path);
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "not a database", "another path"});
        CPPUNIT_ASSERT(before == contents(_path));
        CPPUNIT_ASSERT(!fs::exists(_path + "-wal"));
    }

    void testTruncatedDatabaseIsRefused()
    {
        take(*openStore(_path), "job", "token");
        RawDatabase raw(_path);
        raw.run("PRAGMA wal_checkpoint(TRUNCATE)");
        fs::resize_file(_path, static_cast<std::uintmax_t>(raw.number("PRAGMA page_size"))); // cuts off the page with the locks
        assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "job", "other"); }), {_path});
    }

    void testDatabaseOfAnotherApplicationIsRefusedUnchanged()
    {
        RawDatabase(_path).run("CREATE TABLE users (id INTEGER); INSERT INTO users VALUES (7)");
        const auto before = contents(_path);
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "another application"});
        CPPUNIT_ASSERT(before == contents(_path));

        const auto numbered = _directory.file("numbered.db");
        RawDatabase(numbered).run("PRAGMA application_id = 77");
        assertNames(refusalOf<LockStoreError>(*openStore(numbered)), {numbered, "another application", "77"});
    }

    void testNewerSchemaIsRefusedUnchanged()
    {
        take(*openStore(_path), "job", "token");
        RawDatabase(_path).run("PRAGMA user_version = 2");
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "schema", "2", "1", "update"});
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, RawDatabase(_path).number("SELECT count(*) FROM locks"));
    }

    void testNewerSchemaIsNoticedWhileTheFileIsOpen()
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

    void testUnknownOldSchemaIsRefused()
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

    void testInvalidRowIsAnErrorNamingTheLock()
    {
        const auto store = openStore(_path);
        take(*store, "job", "token");
        RawDatabase(_path).run("UPDATE locks SET fence = -1");
        const auto message = messageOf<LockStoreError>([&] { tryAcquire(*store, "job", "other"); });
        assertNames(message, {_path, "\"job\""});
        CPPUNIT_ASSERT(message.find("token") == std::string::npos);
        take(*store, "another", "token");
    }

    void testEmptyFileBecomesAStore()
    {
        std::ofstream{_path};
        take(*openStore(_path), "job", "token");
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2048}, RawDatabase(_path).number("PRAGMA page_size")); // see SqliteSchema
    }

    void testDirectoryAndAPipeAreRefused()
    {
        fs::create_directory(_path);
        assertNames(refusalOf<LockStoreError>(*openStore(_path)), {_path, "this is a directory"});
        const auto pipe = _directory.file("pipe");
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(pipe.c_str(), 0600));
        assertNames(refusalOf<LockStoreError>(*openStore(pipe)), {pipe, "regular file"});
    }

    void testMissingDirectoryIsNamedAndNothingIsRemembered()
    {
        const auto path = _directory.file("missing/locks.db");
        const auto store = openStore(path);
        assertNames(refusalOf<LockStoreError>(*store), {_directory.file("missing"), "directory must exist"});
        fs::create_directory(_directory.file("missing"));
        take(*store, "job", "token");
    }

    void testReadOnlyFileIsRefused()
    {
        take(*openStore(_path), "job", "token");
        fs::permissions(_path, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
        ForkedChild child(
            [&]
            {
                becomeNobody();
                assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "job", "token"); }), {_path, "read"});
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
    }

    void testReadOnlyLogIsRefused()
    {
        take(*openStore(_path), "job", "token");
        fs::permissions(_path, fs::perms::others_read | fs::perms::others_write, fs::perm_options::add);
        for (const char* suffix : {"-wal", "-shm"})
            fs::permissions(_path + suffix, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
        ForkedChild child(
            [&]
            {
                becomeNobody();
                assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "job", "token"); }),
                            {_path, "must be allowed to write the file, its -wal and -shm files"});
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
    }

    void testReadOnlyDirectoryIsRefused()
    {
        fs::permissions(_directory.path(), fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
        ForkedChild child(
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

    /// The system has no descriptor left when the store opens the database, its log, or a file below /proc.
    void testNoDescriptorLeftIsUnavailableAndWorksLater()
    {
        take(*openStore(_path), "job", "token");
        ForkedChild child(
            [&]
            {
                rlimit before{};
                ::getrlimit(RLIMIT_NOFILE, &before);
                const auto store = openStore(_path), fresh = openStore(_directory.file("new.db"));
                constexpr rlim_t least = 3, most = 64;
                std::size_t refused = 0;
                for (auto limit = before; limit.rlim_cur = least + refused, refused < most; ++refused)
                {
                    ::setrlimit(RLIMIT_NOFILE, &limit);
                    const auto message = messageUnlessGranted(*store);
                    if (refused == 0)
                        messageOf<LockStoreUnavailable>([&] { tryAcquire(*fresh, "other", "token"); });
                    ::setrlimit(RLIMIT_NOFILE, &before);
                    if (message.empty())
                        break;
                    assertNames(message, {"no file descriptor is left"});
                }
                CPPUNIT_ASSERT(refused >= 3); // at least for the database and two more files
                take(*fresh, "other", "token");
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
    }

    void testMissingProcIsReported()
    {
        const auto messageIn = [&] { return messageOf<LockStoreError>([&] { openStore(_path)->prepare(soon()); }); };
        withOwnMounts("a host without /proc",
                      [&]
                      {
                          mountFileSystem("proc", "/proc", "subset=pid");
                          assertNames(messageIn(), {"/proc/sys/kernel/random/boot_id", "it is not there", "subset=pid", "ProcSubset=all"});
                          mountFileSystem("tmpfs", "/proc", "");
                          assertNames(messageIn(), {"/proc/sys/kernel/random/boot_id", "mount /proc"});
                          return true;
                      });
    }

    void testFileSizeLimitIsUnavailableAndWorksLater()
    {
        ForkedChild child(
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

    void testFullDiskIsUnavailableAndWorksLater()
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
                                for (int i = 0; i < 100; ++i) // enough to use up the free space in the log
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

    /// Guards against a message that the directory must exist, and against a permanent error.
    void testNoInodesLeftIsUnavailableAndWorksLater()
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

    void testUnfitFileSystemsAreRefusedByName()
    {
        const std::pair<std::uint64_t, const char*> refused[] = {
            {0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0x01021997, "9p"}, {0x65735546, "FUSE"}, {0xfe534d42, "SMB2"}};
        for (const auto& [number, name] : refused)
        {
            SQLiteLockStore store({.path = _path, .fileSystemType = [number = number](const std::string&) { return number; }});
            assertNames(refusalOf<LockStoreError>(store), {_path, name, "local disk"});
            CPPUNIT_ASSERT(!fs::exists(_path));
        }
        for (const auto number : {0x4d44, 0x7366746e})
        {
            SQLiteLockStore store({.path = _path, .fileSystemType = [number](const std::string&) { return std::uint64_t(number); }});
            assertNames(refusalOf<LockStoreError>(store), {_path, "second, short name"});
        }
        SQLiteLockStore ext4({.path = _path, .fileSystemType = [](const std::string&) { return std::uint64_t{0xef53}; }});
        take(ext4, "job", "token");
    }

    void testSymbolicLinkIsTheSameStoreAsItsTarget()
    {
        const auto link = _directory.file("link.db");
        const auto direct = openStore(_path);
        const auto lease = take(*direct, "job", "token");
        fs::create_symlink(_path, link);
        const auto linked = openStore(link);
        CPPUNIT_ASSERT(tryAcquire(*linked, "job", "other").status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*linked, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(!fs::exists(link + "-wal"));
        // From now on the link names another file, which is another store.
        fs::remove(link);
        fs::create_symlink(_directory.file("second.db"), link);
        CPPUNIT_ASSERT(renew(*linked, lease) == RenewStatus::lost);
        CPPUNIT_ASSERT(renew(*direct, lease) == RenewStatus::renewed);
    }

    void testDanglingSymbolicLinkCreatesItsTarget()
    {
        const auto link = _directory.file("link.db");
        fs::create_symlink(_path, link);
        take(*openStore(link), "job", "token");
        CPPUNIT_ASSERT(tryAcquire(*openStore(_path), "job", "other").status == AcquireStatus::held);
    }

    void testOtherJournalModeIsChangedBackToWal()
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
