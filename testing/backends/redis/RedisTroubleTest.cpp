#include "RedisFixture.h"

#include "Leasehold/LockManagerService.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <filesystem>
#include <thread>

namespace Leasehold
{

using namespace std::chrono_literals;

/// A server that refuses, is busy, full, broken or silent.
class RedisTroubleTest : public RedisFixture
{
    CPPUNIT_TEST_SUITE(RedisTroubleTest);
    CPPUNIT_TEST(testFullMemoryFailsGrantsOnly);
    CPPUNIT_TEST(testFullMemoryFailsOnlyTheGrantsOfAGroup);
    CPPUNIT_TEST(testServerThatCannotWriteItsDataIsUnavailable);
    CPPUNIT_TEST(testMissingReplicasAreUnavailable);
    CPPUNIT_TEST(testDemotedPrimaryIsLeftAndUsedAgain);
    CPPUNIT_TEST(testWritableReplicaIsRefused);
    CPPUNIT_TEST(testBusyServerIsUnavailableAndKeepsLeases);
    CPPUNIT_TEST(testLoadingServerIsUnavailable);
    CPPUNIT_TEST(testFlushedScriptsAreNotNoticed);
    CPPUNIT_TEST(testTooManyClientsAreUnavailable);
    CPPUNIT_TEST(testForeignKeyFailsOnlyItsLock);
    CPPUNIT_TEST(testDamagedFieldFailsOnlyItsLock);
    CPPUNIT_TEST(testForeignHelperKeyFailsNewNamesOnly);
    CPPUNIT_TEST(testPrefixOfTheGreatestByteIsListed);
    CPPUNIT_TEST(testDatabasesAreApart);
    CPPUNIT_TEST(testUnknownDatabaseIsRefused);
    CPPUNIT_TEST(testUnixSocketIsUsed);
    CPPUNIT_TEST(testForkedChildCannotUseItsParentsStore);
    CPPUNIT_TEST(testStoppedServerIsUnavailableAtTheDeadline);
    CPPUNIT_TEST(testCancelledCallsLeaveNoAnswerToOthers);
    CPPUNIT_TEST(testCancelledReleaseSentAgainIsReleased);
    CPPUNIT_TEST(testNamesThatWereUsedOnceLeaveNothing);
    CPPUNIT_TEST(testGreatNumbersAreExact);
    CPPUNIT_TEST(testWaitForADeletedRecordEnds);
    CPPUNIT_TEST_SUITE_END();

    void setConfig(const std::string& key, const std::string& value) { server().operate({"CONFIG", "SET", key, value}); }

public:
    void testFullMemoryFailsGrantsOnly()
    {
        const auto store = open();
        const auto lease = grant(*store, "a"), second = grant(*store, "b");
        setConfig("maxmemory", "1");
        assertSays(unavailability([&] { acquire(*store, "c", "t"); }), "its memory is full (maxmemory)");
        CPPUNIT_ASSERT(!store->find("c", context()));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, server().operate({"EXISTS", "{leasehold}:l:c"}).integer);
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(store->breakLock("b", second.fence, BreakMode::whenItEnds, context()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({}, context()).size());
        setConfig("maxmemory", "0");
        grant(*store, "c");
    }

    void testFullMemoryFailsOnlyTheGrantsOfAGroup()
    {
        const auto store = open();
        std::vector<LeaseRef> leases;
        constexpr int threads = 8;
        for (int each = 0; each < threads; ++each)
            leases.push_back(grant(*store, "lease" + std::to_string(each)));
        setConfig("maxmemory", "1");
        std::atomic<int> renewed{0}, refused{0};
        std::vector<std::jthread> callers;
        for (int each = 0; each < threads; ++each)
        {
            callers.emplace_back(
                [&, each]
                {
                    for (int round = 0; round < 50; ++round)
                        renewed += renew(*store, leases[static_cast<std::size_t>(each)]).status == RenewStatus::renewed ? 1 : 0;
                });
            callers.emplace_back(
                [&, each]
                {
                    for (int round = 0; round < 50; ++round)
                    {
                        try
                        {
                            acquire(*store, "new" + std::to_string(each), "t");
                        }
                        catch (const LockStoreUnavailable&)
                        {
                            ++refused;
                        }
                    }
                });
        }
        callers.clear();
        CPPUNIT_ASSERT_EQUAL(threads * 50, renewed.load());
        CPPUNIT_ASSERT_EQUAL(threads * 50, refused.load());
    }

    void testServerThatCannotWriteItsDataIsUnavailable()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        setConfig("save", "3600 1");
        std::filesystem::permissions(server().folder(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
        server().operate({"BGSAVE"});
        until("the save fails", [&] { return server().info("persistence", "rdb_last_bgsave_status") == "err"; });
        assertSays(unavailability([&] { acquire(*store, "b", "t"); }), "it cannot write its data to its disk");
        unavailability([&] { renew(*store, lease); });
        unavailability([&] { static_cast<void>(store->find("a", context())); });
        std::filesystem::permissions(server().folder(), std::filesystem::perms::owner_all);
        setConfig("save", "");
        setConfig("stop-writes-on-bgsave-error", "no");
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    }

    void testMissingReplicasAreUnavailable()
    {
        const auto store = open();
        setConfig("min-replicas-to-write", "1");
        assertSays(unavailability([&] { acquire(*store, "a", "t"); }), "fewer replicas than its min-replicas-to-write");
        setConfig("min-replicas-to-write", "0");
        grant(*store, "a");
    }

    void testDemotedPrimaryIsLeftAndUsedAgain()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        server().operate({"REPLICAOF", "127.0.0.1", "1"});
        const auto connections = [&] { return std::stoll(server().info("stats", "total_connections_received")); };
        const auto before = connections();
        constexpr int calls = 5;
        for (int call = 0; call < calls; ++call)
        {
            assertSays(unavailability([&] { acquire(*store, "b", "t"); }), "it is a replica");
            unavailability([&] { static_cast<void>(store->find("a", context())); });
        }
        CPPUNIT_ASSERT(connections() - before <= 2 * calls + 2); // one for each call, and those of this test
        server().operate({"REPLICAOF", "NO", "ONE"});
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        grant(*store, "b");
    }

    void testWritableReplicaIsRefused()
    {
        server().operate({"REPLICAOF", "127.0.0.1", "1"});
        setConfig("replica-read-only", "no");
        assertSays(unavailability([&] { open(); }), "it is a replica; locks need the primary");
        CPPUNIT_ASSERT(keys().empty());
    }

    void testBusyServerIsUnavailableAndKeepsLeases()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        setConfig("busy-reply-threshold", "100");
        {
            const std::jthread spinner([&] { server().ask({"EVAL", "while true do end", "0"}); });
            until("the server is busy", [&] { return server().ask({"PING"}).type == Redis::Reply::Type::error; });
            assertSays(unavailability([&] { renew(*store, lease); }), "it is busy with a script of another program");
            unavailability([&] { acquire(*open(), "b", "t"); });
            server().operate({"SCRIPT", "KILL"});
        }
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    }

    void testLoadingServerIsUnavailable()
    {
        server({.arguments = {"--dbfilename", "kept.rdb", "--loading-process-events-interval-bytes", "1024", "--key-load-delay", "2000"}});
        const auto store = open();
        const auto lease = grant(*store, "a");
        for (int key = 0; key < 1500; ++key)
            server().operate({"SET", "junk" + std::to_string(key), std::string(200, 'j')});
        server().operate({"SAVE"});
        server().kill();
        server().launch();
        std::string seen;
        until("it tells that it loads",
              [&]
              {
                  try
                  {
                      static_cast<void>(renew(*store, lease));
                  }
                  catch (const LockStoreUnavailable& problem)
                  {
                      seen = problem.message();
                  }
                  return seen.find("it has started and is loading its data") != std::string::npos;
              });
        server().awaitAnswer();
        until("the lease is renewed", [&] { return isRenewed(*store, lease); });
    }

    void testFlushedScriptsAreNotNoticed()
    {
        const auto store = open();
        std::atomic<int> pairs{0}, failures{0};
        constexpr int threads = 8, rounds = 125;
        std::vector<std::jthread> callers;
        for (int each = 0; each < threads; ++each)
            callers.emplace_back(
                [&, name = "lock" + std::to_string(each)]
                {
                    for (int round = 0; round < rounds; ++round)
                    {
                        try
                        {
                            const auto reply = acquire(*store, name, std::to_string(round));
                            const auto released = store->release({name, std::to_string(round), reply.record.fence}, context());
                            const bool isRight = reply.status == AcquireStatus::granted && released.status == ReleaseStatus::released;
                            ++(isRight ? pairs : failures);
                        }
                        catch (const LockStoreError&)
                        {
                            ++failures;
                        }
                    }
                });
        while (pairs + failures < threads * rounds)
        {
            const int seen = pairs;
            server().operate({"SCRIPT", "FLUSH"});
            until("a pair is done", [&] { return pairs > seen || pairs + failures == threads * rounds; });
        }
        callers.clear();
        CPPUNIT_ASSERT_EQUAL(0, failures.load());
        CPPUNIT_ASSERT_EQUAL(threads * rounds, pairs.load());
    }

    void testTooManyClientsAreUnavailable()
    {
        auto store = open();
        setConfig("maxclients", "1");
        assertSays(unavailability([&] { open(); }), server().node());
        store.reset();
        until("the place is free", [&] { return server().ask({"CONFIG", "SET", "maxclients", "100"}).type != Redis::Reply::Type::error; });
        open();
    }

    void testForeignKeyFailsOnlyItsLock()
    {
        const auto store = open();
        server().operate({"SET", "{leasehold}:l:bad", "x"});
        assertSays(error([&] { acquire(*store, "bad", "t"); }), "the record of the lock \"bad\" is damaged");
        assertSays(error([&] { static_cast<void>(store->find("bad", context())); }), "is damaged");
        const std::vector<RenewRequest> both{{{"bad", "t", 1}, longTtl}, {grant(*store, "good"), longTtl}};
        const auto replies = store->renew(both, context());
        CPPUNIT_ASSERT(replies[0].status == RenewStatus::failed);
        CPPUNIT_ASSERT(replies[1].status == RenewStatus::renewed);
    }

    void testDamagedFieldFailsOnlyItsLock()
    {
        const auto store = open();
        grant(*store, "bad");
        for (const std::string field : {"f", "e", "a", "l"})
        {
            server().operate({"HSET", "{leasehold}:l:bad", field, "x"});
            error([&] { acquire(*store, "bad", "other"); });
            error([&] { static_cast<void>(store->find("bad", context())); });
            server().operate({"HSET", "{leasehold}:l:bad", field, "1"});
        }
        grant(*store, "good");
    }

    void testForeignHelperKeyFailsNewNamesOnly()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        server().operate({"SET", "{leasehold}:names", "x"});
        assertSays(error([&] { acquire(*store, "b", "t"); }), "a key of the prefix is damaged");
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
    }

    void testPrefixOfTheGreatestByteIsListed()
    {
        const auto store = open();
        for (const std::string name : {"a", "a\xff", "a\xff\xff", "b", "\xff", "\xff\xff"})
            grant(*store, name);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, store->list({.prefix = "\xff"}, context()).size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, store->list({.prefix = "a\xff"}, context()).size());
    }

    void testDatabasesAreApart()
    {
        const auto first = open(), third = open({.database = 3, .pauseAfterStart = {}});
        grant(*first, "a");
        grant(*third, "a");
        CPPUNIT_ASSERT(acquire(*open({.database = 3, .pauseAfterStart = {}}), "a", "other").status == AcquireStatus::held);
    }

    void testUnknownDatabaseIsRefused()
    {
        assertSays(error([&] { open({.database = 99, .pauseAfterStart = {}}); }), "it has no database of this number");
    }

    void testUnixSocketIsUsed()
    {
        const auto byPath = open({.nodes = {server().unixSocket()}, .pauseAfterStart = {}});
        grant(*byPath, "a");
        CPPUNIT_ASSERT(acquire(*open(), "a", "other").status == AcquireStatus::held);
    }

    void testForkedChildCannotUseItsParentsStore() { assertForkedChildIsRefused(open()); }

    void testStoppedServerIsUnavailableAtTheDeadline()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        server().pause();
        const auto began = std::chrono::steady_clock::now();
        assertSays(unavailability([&] { store->acquire({.name = "b", .token = "t", .ttl = longTtl}, CallContext::within(300ms)); }),
                   "no answer in time; whether it took effect is unknown");
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < 10s);
        server().resume();
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    }

    void testCancelledCallsLeaveNoAnswerToOthers()
    {
        const auto store = open();
        constexpr int locks = 4;
        for (int lock = 0; lock < locks; ++lock)
            grant(*store, "lock" + std::to_string(lock));
        std::atomic<bool> ended{false};
        std::atomic<int> cancelled{0};
        std::vector<std::jthread> others;
        for (int lock = 0; lock < locks; ++lock)
            others.emplace_back(
                [&, name = "lock" + std::to_string(lock)]
                {
                    while (!ended)
                    {
                        const auto found = store->find(name, context());
                        CPPUNIT_ASSERT(found && found->name == name);
                        const auto reply = acquire(*store, name, "other");
                        CPPUNIT_ASSERT(reply.status == AcquireStatus::held && reply.record.fence == found->fence);
                    }
                });
        for (int call = 0; call < 1000; ++call)
        {
            std::stop_source cancel;
            const std::jthread canceller([&] { cancel.request_stop(); });
            try
            {
                store->list({}, CallContext::within(20s, cancel.get_token()));
            }
            catch (const LockStoreUnavailable&)
            {
                ++cancelled;
            }
        }
        ended = true;
        others.clear();
        CPPUNIT_ASSERT(cancelled > 0);
    }

    void testCancelledReleaseSentAgainIsReleased()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        server().pause();
        std::stop_source cancel;
        {
            const std::jthread canceller(
                [&]
                {
                    std::this_thread::sleep_for(50ms);
                    cancel.request_stop();
                });
            unavailability([&] { store->release(lease, CallContext::within(1min, cancel.get_token())); });
        }
        server().resume();
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
    }

    void testNamesThatWereUsedOnceLeaveNothing()
    {
        server({.setClock = true}, RedisKind::valkey8);
        const auto store = open();
        constexpr int names = 10'000, threads = 20;
        {
            std::vector<std::jthread> callers;
            for (int each = 0; each < threads; ++each)
                callers.emplace_back(
                    [&, each]
                    {
                        for (int number = each; number < names; number += threads)
                            store->release(grant(*store, "name" + std::to_string(number), 1s), context());
                    });
        }
        server().advanceClock(2h);
        std::size_t forgotten = 0;
        while (const auto page = store->prune(1h, context()))
            forgotten += page;
        CPPUNIT_ASSERT_EQUAL(std::size_t{names}, forgotten);
        CPPUNIT_ASSERT(keys() == std::vector<std::string>{"{leasehold}:era"});
    }

    /// Some servers write round numbers of Lua as 1e+8.
    void testGreatNumbersAreExact()
    {
        const auto store = open();
        for (const Fence floor : {Fence{1'799'999'999'999'999}, Fence{2'000'000'000'000'000}, maxFence - 2})
        {
            const auto name = std::to_string(floor);
            const Milliseconds ttl{100'000'000};
            const auto reply = store->acquire({.name = name, .token = "t", .ttl = ttl, .fenceFloor = floor}, context());
            CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
            const LeaseRef lease{name, "t", reply.record.fence};
            CPPUNIT_ASSERT(lease.fence > floor && lease.fence <= maxFence);
            CPPUNIT_ASSERT(renew(*store, lease, ttl).status == RenewStatus::renewed);
            const auto found = store->find(name, context()).value();
            CPPUNIT_ASSERT_EQUAL(lease.fence, found.fence);
            CPPUNIT_ASSERT(found.ttl == ttl && found.remaining > ttl - 1min);
            CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
        }
    }

    /// No message tells of it.
    void testWaitForADeletedRecordEnds()
    {
        const std::shared_ptr<LockStore> store = open();
        grant(*store, "a", 2s);
        LockManagerService locks(store);
        std::jthread remover(
            [&]
            {
                until("the waiter has subscribed",
                      [&] { return server().info("stats", "pubsub_channels") == "1" || !store->find("a", context()); });
                server().operate({"DEL", "{leasehold}:l:a"});
            });
        auto lock = locks.acquire("a", {.wait = 25s});
        CPPUNIT_ASSERT(lock.isHeld());
        lock.release();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisTroubleTest);

} // namespace Leasehold
