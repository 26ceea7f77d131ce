#include "Leasehold/Exceptions.h"
#include "RawDatabase.h"
#include "SQLiteTestStore.h"
#include "TestDirectory.h"
#include "WatchedClock.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <deque>
#include <fstream>
#include <thread>
#include <utility>

namespace Leasehold
{
using namespace std::chrono_literals;

/// Tests which calls share a transaction, and the effect of one call's failure on the others.
class SQLiteTransactionTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(SQLiteTransactionTest);
    CPPUNIT_TEST(testThousandRenewalsAreOneTransaction);
    CPPUNIT_TEST(testMoreRenewalsAreSplitAndAnsweredInOrder);
    CPPUNIT_TEST(testLaterRenewalsFailAloneWithTheirReason);
    CPPUNIT_TEST(testCallThatChangesNothingWritesNothing);
    CPPUNIT_TEST(testCallersThatWaitTogetherShareOneTransaction);
    CPPUNIT_TEST(testPrepareThatWaitsIsDoneByThoseBeforeIt);
    CPPUNIT_TEST(testFailingCallInSharedTransactionFailsAlone);
    CPPUNIT_TEST(testFailingLeaderFailsAlone);
    CPPUNIT_TEST(testTwoThatRaceInOneTransactionAreNotBothGranted);
    CPPUNIT_TEST(testLockTakenDuringPruneIsNotForgotten);
    CPPUNIT_TEST_SUITE_END();

    const TestDirectory _directory;
    const std::string _path = _directory.file("locks.db");

    /// The number of transactions in the write-ahead log; see "The WAL File Format" in SQLite's documentation.
    int transactionsInLog() const
    {
        constexpr std::size_t headerSize = 32, frameHeaderSize = 24;
        std::ifstream in(_path + "-wal", std::ios::binary);
        const std::string log{std::istreambuf_iterator<char>(in), {}};
        if (log.size() < headerSize)
            return 0;
        const auto number = [&](std::size_t at)
        {
            std::uint32_t value = 0;
            for (std::size_t i = at; i < at + 4; ++i)
                value = value << 8 | static_cast<unsigned char>(log[i]);
            return value;
        };
        const std::size_t frameSize = frameHeaderSize + number(8);
        int transactions = 0;
        for (std::size_t frame = headerSize; frame + frameSize <= log.size() && log.compare(frame + 8, 8, log, 16, 8) == 0;
             frame += frameSize)
            transactions += number(frame + 4) != 0 ? 1 : 0; // the last frame of a transaction has the size of the database here
        return transactions;
    }

    /// Acquires in a thread of its own, and shows when the call is in the queue.
    class Acquirer
    {
    public:
        Acquirer(LockStore& store, const std::string& name, const std::string& token) :
            _thread(
                [this, &store, name, token]
                {
                    try
                    {
                        reply = store.acquire({.name = name, .token = token, .ttl = 30s}, {*clock, clock->ManualClock::now() + 30s});
                    }
                    catch (const LockStoreError& error)
                    {
                        failure = error.what();
                    }
                })
        {
        }

        void join() { _thread.join(); }
        bool granted() const { return failure.empty() && reply.status == AcquireStatus::granted; }

        const std::shared_ptr<WatchedClock> clock = std::make_shared<WatchedClock>();
        AcquireReply reply{}; // valid after join, like the next member
        std::string failure;

    private:
        std::jthread _thread;
    };

    using Names = std::vector<std::string>;

    /// Acquires all names while another process holds the file, so that the first call leads and all others wait in the queue.
    static void acquireTogether(LockStore& store, const std::string& path, const Names& names, std::deque<Acquirer>& acquirers)
    {
        RawDatabase blocker(path);
        blocker.run("BEGIN IMMEDIATE");
        for (const auto& name : names)
        {
            const auto& clock = acquirers.emplace_back(store, name, "token-" + std::to_string(acquirers.size())).clock;
            CPPUNIT_ASSERT(acquirers.size() == 1 ? clock->waitUntilBusy() : clock->waitUntilQueued());
        }
        blocker.run("COMMIT");
        for (auto& acquirer : acquirers)
            acquirer.join();
    }

public:
    void testThousandRenewalsAreOneTransaction()
    {
        const auto store = openStore(_path);
        std::vector<RenewRequest> requests;
        for (int i = 0; i < 1000; ++i)
            requests.push_back({take(*store, "job-" + std::to_string(i), "token"), 30s});
        RawDatabase(_path).run("PRAGMA wal_checkpoint(TRUNCATE)");
        const auto replies = store->renew(requests, soon());
        CPPUNIT_ASSERT_EQUAL(requests.size(), replies.size());
        for (const auto& reply : replies)
            CPPUNIT_ASSERT(reply.status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(1, transactionsInLog());
    }

    void testMoreRenewalsAreSplitAndAnsweredInOrder()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        RawDatabase(_path).run("PRAGMA wal_checkpoint(TRUNCATE)");
        std::vector<RenewRequest> requests(2001, {lease, 30s});
        for (std::size_t i = 0; i < requests.size(); i += 7)
            requests[i].lease.token = "another";
        const auto replies = store->renew(requests, soon());
        CPPUNIT_ASSERT_EQUAL(requests.size(), replies.size());
        for (std::size_t i = 0; i < replies.size(); ++i)
            CPPUNIT_ASSERT((replies[i].status == RenewStatus::lost) == (i % 7 == 0));
        CPPUNIT_ASSERT_EQUAL(3, transactionsInLog());
        CPPUNIT_ASSERT(store->renew({}, soon()).empty());
    }

    void testLaterRenewalsFailAloneWithTheirReason()
    {
        const auto store = openStore(_path);
        std::vector<RenewRequest> requests(1000, {take(*store, "job", "token"), 30s});
        requests.resize(1002, {take(*store, "bad", "token"), 30s});
        RawDatabase(_path).run("UPDATE locks SET fence = -1 WHERE name = 'bad'");
        const auto replies = store->renew(requests, soon());
        CPPUNIT_ASSERT_EQUAL(requests.size(), replies.size());
        for (std::size_t i = 0; i < replies.size(); ++i)
            CPPUNIT_ASSERT(replies[i].status == (i < 1000 ? RenewStatus::renewed : RenewStatus::failed));
        assertNames(replies.back().reason, {"\"bad\"", "no version of Leasehold writes"});
    }

    void testCallThatChangesNothingWritesNothing()
    {
        const auto store = openStore(_path);
        const auto lease = take(*store, "job", "token");
        const auto before = transactionsInLog();
        CPPUNIT_ASSERT(tryAcquire(*store, "job", "other").status == AcquireStatus::held);
        CPPUNIT_ASSERT(store->release({"job", "other", lease.fence}, soon()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(renew(*store, {"job", "token", lease.fence + 1}) == RenewStatus::lost);
        CPPUNIT_ASSERT(!store->breakLock("job", lease.fence + 1, BreakMode::now, soon()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, soon()));
        CPPUNIT_ASSERT_EQUAL(before, transactionsInLog());
    }

    void testCallersThatWaitTogetherShareOneTransaction()
    {
        const auto store = openStore(_path);
        store->prepare(soon());
        const auto before = transactionsInLog();
        std::deque<Acquirer> acquirers;
        acquireTogether(*store, _path, {"a", "b", "c", "d"}, acquirers);
        for (const auto& acquirer : acquirers)
            CPPUNIT_ASSERT_MESSAGE(acquirer.failure, acquirer.granted());
        CPPUNIT_ASSERT_EQUAL(before + 1, transactionsInLog());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, store->list({}, soon()).size());
    }

    void testPrepareThatWaitsIsDoneByThoseBeforeIt()
    {
        const auto store = openStore(_path);
        store->prepare(soon());
        RawDatabase blocker(_path);
        blocker.run("BEGIN IMMEDIATE");
        Acquirer first(*store, "job", "token");
        CPPUNIT_ASSERT(first.clock->waitUntilBusy());
        const auto clock = std::make_shared<WatchedClock>();
        std::jthread preparer([&] { store->prepare({*clock, clock->ManualClock::now() + 30s}); });
        CPPUNIT_ASSERT(clock->waitUntilQueued());
        blocker.run("COMMIT");
        preparer.join();
        first.join();
        CPPUNIT_ASSERT_MESSAGE(first.failure, first.granted());
    }

    void testFailingCallInSharedTransactionFailsAlone()
    {
        const auto store = openStore(_path);
        take(*store, "bad", "token");
        RawDatabase(_path).run("UPDATE locks SET fence = -1");
        const auto before = transactionsInLog();
        std::deque<Acquirer> acquirers;
        acquireTogether(*store, _path, {"a", "b", "bad", "c"}, acquirers);
        assertNames(acquirers[2].failure, {"\"bad\"", "no version of Leasehold writes"});
        for (const auto i : {0U, 1U, 3U})
            CPPUNIT_ASSERT_MESSAGE(acquirers[i].failure, acquirers[i].granted());
        CPPUNIT_ASSERT_EQUAL(before + 1, transactionsInLog());
    }

    void testFailingLeaderFailsAlone()
    {
        const auto store = openStore(_path);
        take(*store, "bad", "token");
        RawDatabase(_path).run("UPDATE locks SET fence = -1");
        std::deque<Acquirer> acquirers;
        acquireTogether(*store, _path, {"bad", "a", "b"}, acquirers);
        assertNames(acquirers[0].failure, {"\"bad\"", "no version of Leasehold writes"});
        for (const auto i : {1U, 2U})
            CPPUNIT_ASSERT_MESSAGE(acquirers[i].failure, acquirers[i].granted());
    }

    void testTwoThatRaceInOneTransactionAreNotBothGranted()
    {
        const auto store = openStore(_path);
        store->prepare(soon());
        std::deque<Acquirer> acquirers;
        acquireTogether(*store, _path, {"job", "job", "job"}, acquirers);
        CPPUNIT_ASSERT(acquirers[0].granted());
        for (const auto i : {1U, 2U})
        {
            CPPUNIT_ASSERT_EQUAL(std::string(), acquirers[i].failure);
            CPPUNIT_ASSERT(acquirers[i].reply.status == AcquireStatus::held);
            CPPUNIT_ASSERT_EQUAL(acquirers[0].reply.record.fence, acquirers[i].reply.record.fence);
        }
    }

    void testLockTakenDuringPruneIsNotForgotten()
    {
        TestHost host;
        const auto other = openStore(_path, host.clocks());
        CPPUNIT_ASSERT(other->release(take(*other, "job", "token"), soon()).status == ReleaseStatus::released);
        host.advance(48h);
        bool takes = false;
        auto clocks = host.clocks();
        clocks.boottime = [&, before = clocks.boottime] // the store reads it when the search has begun, which sees no later change
        {
            if (std::exchange(takes, false))
                take(*other, "job", "second");
            return before();
        };
        const auto store = openStore(_path, clocks);
        store->prepare(soon());
        store->find("job", soon());
        takes = true;
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, soon()));
        CPPUNIT_ASSERT(store->find("job", soon()).has_value());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SQLiteTransactionTest);

} // namespace Leasehold
