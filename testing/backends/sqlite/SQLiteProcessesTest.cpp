#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "StoreFile.h"
#include "TestDirectory.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

namespace Leasehold
{
using namespace std::chrono_literals;

/// Several processes on one file: they create it, race, are stopped, killed and forked.
class SQLiteProcessesTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteProcessesTest);
    CPPUNIT_TEST(testTwentyProcessesAtOnceCreateOneDatabase);
    CPPUNIT_TEST(testTwentyProcessesGetOneLockInTurn);
    CPPUNIT_TEST(testKilledTransactionIsRolledBackAndBlocksNobody);
    CPPUNIT_TEST(testStoppedTransactionMakesOthersUnavailableUntilItGoesOn);
    CPPUNIT_TEST(testNoProcessStarvesWhileOthersWriteWithoutAPause);
    CPPUNIT_TEST(testForkedChildCannotUseItsParentsStore);
    CPPUNIT_TEST(testForkedChildExcludesWithItsOwnStore);
    CPPUNIT_TEST(testChildForkedInTheMiddleOfACallIsRefused);
    CPPUNIT_TEST(testTwoHandlesInOneProcessExcludeAndShareLeases);
    CPPUNIT_TEST(testClosingOneStoreKeepsFileLocksOfAnother);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");

    using Children = std::vector<std::unique_ptr<ForkedChild>>;

    /// Numbers that processes share.
    template <std::size_t size>
    class SharedNumbers
    {
    public:
        SharedNumbers() : _memory(::mmap(nullptr, sizeof(Numbers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
        {
            CPPUNIT_ASSERT(_memory != MAP_FAILED);
            new (_memory) Numbers{};
        }
        ~SharedNumbers() { ::munmap(_memory, sizeof(Numbers)); }
        SharedNumbers(const SharedNumbers&) = delete;
        SharedNumbers& operator=(const SharedNumbers&) = delete;

        std::atomic<long>& operator[](std::size_t index) { return (*static_cast<Numbers*>(_memory))[index]; }

    private:
        using Numbers = std::array<std::atomic<long>, size>;
        void* const _memory;
    };

    /// Writes a row and, before it is committed, does `inside`.
    static void takeAnd(const std::string& path, const std::string& name, const std::function<void()>& inside)
    {
        BatchQueue queue("the store", {.requests = 1}, {});
        StoreFile file({.path = path}, queue);
        file.write(soon(),
                   [&](LockTable& table, const HostNow& now)
                   {
                       table.acquire({.name = name, .token = "inside", .ttl = 30s}, now);
                       inside();
                   });
    }

    static CallContext shortly() { return CallContext::within(200ms); }

    static void assertUnavailable(LockStore& store, const LeaseRef& lease)
    {
        const RenewRequest request{lease, 30s};
        assertNames(messageOf<LockStoreUnavailable>([&] { store.renew({&request, 1}, shortly()); }), {"stopped process"});
        messageOf<LockStoreUnavailable>([&] { store.acquire({.name = "free", .token = "t", .ttl = 30s}, shortly()); });
        messageOf<LockStoreUnavailable>([&] { store.release(lease, shortly()); });
        CPPUNIT_ASSERT(store.find(lease.name, soon()).has_value());
    }

    static void assertOnlyRefusesInAChild(const std::shared_ptr<SQLiteLockStore>& store, const LeaseRef& lease)
    {
        const auto refused = [&](const std::function<void()>& call) { assertNames(messageOf<LockStoreError>(call), {"fork"}); };
        refused([&] { store->prepare(soon()); });
        refused([&] { tryAcquire(*store, "job", "child"); });
        refused([&] { renew(*store, lease); });
        refused([&] { store->release(lease, soon()); });
        refused([&] { store->find("job", soon()); });
        refused([&] { store->list({}, soon()); });
        refused([&] { store->breakLock("job", lease.fence, BreakMode::now, soon()); });
        refused([&] { store->prune(1h, soon()); });
    }

public:
    void testTwentyProcessesAtOnceCreateOneDatabase()
    {
        constexpr int processes = 20, rounds = 3;
        for (int round = 0; round < rounds; ++round)
        {
            const auto path = _directory.file("locks-" + std::to_string(round) + ".db");
            const BytePipe start;
            Children children;
            for (int i = 0; i < processes; ++i)
                children.push_back(std::make_unique<ForkedChild>(
                    [&, i]
                    {
                        start.await();
                        const auto store = openStore(path);
                        const auto lease = take(*store, "job-" + std::to_string(i), "token");
                        return renew(*store, lease) == RenewStatus::renewed ? 0 : 2;
                    }));
            for (int i = 0; i < processes; ++i)
                start.tell();
            for (const auto& child : children)
                CPPUNIT_ASSERT_EQUAL(0, child->wait());
            RawDatabase database(path);
            CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, database.number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"));
            CPPUNIT_ASSERT_EQUAL(std::int64_t{processes}, database.number("SELECT count(*) FROM locks"));
            CPPUNIT_ASSERT_EQUAL(std::string("ok"), database.text("PRAGMA integrity_check"));
        }
    }

    void testTwentyProcessesGetOneLockInTurn()
    {
        constexpr int processes = 20, turns = 5;
        SharedNumbers<3> shared; // the number of holders, the last fence, the number of grants
        Children children;
        for (int i = 0; i < processes; ++i)
            children.push_back(std::make_unique<ForkedChild>(
                [&, i]
                {
                    const auto store = openStore(_path);
                    for (int had = 0, tries = 0; had < turns;)
                    {
                        const auto token = std::to_string(i) + "-" + std::to_string(tries++);
                        const auto reply = tryAcquire(*store, "job", token, 10min);
                        if (reply.status != AcquireStatus::granted)
                            continue;
                        if (shared[0].exchange(1) != 0)
                            return 2;
                        const auto fence = static_cast<long>(reply.record.fence);
                        if (shared[1].exchange(fence) >= fence)
                            return 3;
                        ++had;
                        ++shared[2];
                        shared[0] = 0;
                        if (store->release({"job", token, reply.record.fence}, soon()).status != ReleaseStatus::released)
                            return 4;
                    }
                    return 0;
                }));
        for (const auto& child : children)
            CPPUNIT_ASSERT_EQUAL(0, child->wait(5min));
        CPPUNIT_ASSERT_EQUAL(long{processes * turns}, shared[2].load());
    }

    void testKilledTransactionIsRolledBackAndBlocksNobody()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        for (int round = 0; round < 5; ++round)
        {
            const BytePipe inside;
            ForkedChild child(
                [&]
                {
                    takeAnd(_path, "half done",
                            [&]
                            {
                                inside.tell();
                                ::pause();
                            });
                    return 0;
                });
            inside.await();
            assertUnavailable(*store, lease);
            child.signal(SIGKILL);
            CPPUNIT_ASSERT_EQUAL(128 + SIGKILL, child.wait());
            CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
            CPPUNIT_ASSERT(!store->find("half done", soon()).has_value());
        }
        take(*store, "half done", "token");
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), RawDatabase(_path).text("PRAGMA integrity_check"));
    }

    void testStoppedTransactionMakesOthersUnavailableUntilItGoesOn()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        ForkedChild child(
            [&]
            {
                takeAnd(_path, "slow", [] { ::raise(SIGSTOP); });
                return 0;
            });
        child.waitUntilStopped();
        assertUnavailable(*store, lease);
        child.signal(SIGCONT);
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(tryAcquire(*store, "slow", "other").status == AcquireStatus::held);
    }

    /// SQLite's own wait (sqlite3_busy_timeout) backs off longer and longer, and starves one process for seconds.
    void testNoProcessStarvesWhileOthersWriteWithoutAPause()
    {
        constexpr std::size_t processes = 4;
        constexpr long total = 2000, least = 40; // a fair share is 500
        SharedNumbers<processes> pairs;
        const auto sum = [&]
        {
            long all = 0;
            for (std::size_t i = 0; i < processes; ++i)
                all += pairs[i];
            return all;
        };
        openStore(_path)->prepare(soon());
        const BytePipe start;
        Children children;
        for (std::size_t i = 0; i < processes; ++i)
            children.push_back(std::make_unique<ForkedChild>(
                [&, i]
                {
                    SQLiteLockStore store({.path = _path, .durability = SQLiteDurability::normal});
                    const auto name = "job-" + std::to_string(i);
                    start.await();
                    while (sum() < total)
                    {
                        const auto token = std::to_string(pairs[i]++);
                        store.release(take(store, name, token), soon()); // each within 30 s, or it throws
                    }
                    return 0;
                }));
        for (std::size_t i = 0; i < processes; ++i)
            start.tell();
        for (const auto& child : children)
            CPPUNIT_ASSERT_EQUAL(0, child->wait(5min));
        for (std::size_t i = 0; i < processes; ++i)
            CPPUNIT_ASSERT_MESSAGE("process " + std::to_string(i) + " came to " + std::to_string(pairs[i]), pairs[i] >= least);
    }

    void testForkedChildCannotUseItsParentsStore()
    {
        auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        ForkedChild child(
            [&]
            {
                assertOnlyRefusesInAChild(store, lease);
                store.reset(); // destroys it
                return 0;
            });
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->release(lease, soon()).status == ReleaseStatus::released);
    }

    void testForkedChildExcludesWithItsOwnStore()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        store->find("job", soon());
        const BytePipe inside, goOn;
        ForkedChild child(
            [&]
            {
                if (tryAcquire(*openStore(_path), "job", "other").status != AcquireStatus::held)
                    return 2;
                takeAnd(_path, "child", // SQLite must not take the parent's file locks for this process's
                        [&]
                        {
                            inside.tell();
                            goOn.await();
                        });
                return 0;
            });
        inside.await();
        assertUnavailable(*store, lease);
        goOn.tell();
        CPPUNIT_ASSERT_EQUAL(0, child.wait());
        CPPUNIT_ASSERT(renew(*store, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(tryAcquire(*store, "child", "other").status == AcquireStatus::held);
    }

    void testChildForkedInTheMiddleOfACallIsRefused()
    {
        const auto store = openStore(_path);
        store->prepare(soon());
        takeAnd(
            _path, "job",
            [&]
            {
                ForkedChild child(
                    [&]
                    {
                        assertNames(messageOf<LockStoreError>([&] { tryAcquire(*openStore(_path), "other", "child"); }), {"fork", "exec"});
                        return 0;
                    });
                CPPUNIT_ASSERT_EQUAL(0, child.wait());
            });
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status == AcquireStatus::held);
        CPPUNIT_ASSERT_EQUAL(
            0, ForkedChild([&] { return tryAcquire(*openStore(_path), "x", "t").status == AcquireStatus::granted ? 0 : 2; }).wait());
    }

    void testTwoHandlesInOneProcessExcludeAndShareLeases()
    {
        const auto one = openStore(_path), two = openStore(_path);
        const auto lease = take(*one, "job", "token");
        CPPUNIT_ASSERT(tryAcquire(*two, "job", "other").status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*two, lease) == RenewStatus::renewed);
        CPPUNIT_ASSERT(two->release(lease, soon()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(renew(*one, lease) == RenewStatus::lost);
    }

    /// The kernel drops a process's locks on a file when the process closes any descriptor of it.
    void testClosingOneStoreKeepsFileLocksOfAnother()
    {
        CPPUNIT_ASSERT_EQUAL(0, ForkedChild([&] { return openStore(_path)->prepare(soon()), 0; }).wait());
        const BytePipe inside;
        ForkedChild child( // forked while SQLite has no open file here that it could inherit
            [&]
            {
                inside.await();
                RawDatabase database(_path);
                database.run("PRAGMA busy_timeout = 100");
                try
                {
                    database.run("BEGIN IMMEDIATE");
                }
                catch (const std::runtime_error&)
                {
                    return 0;
                }
                return 2;
            });
        auto other = openStore(_path);
        take(*other, "job", "token");
        other->find("job", soon());
        takeAnd(_path, "inside",
                [&]
                {
                    other.reset();
                    inside.tell();
                    CPPUNIT_ASSERT_EQUAL(0, child.wait());
                });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteProcessesTest);

} // namespace Leasehold
