#include "RedisFixture.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>

namespace Leasehold
{

using namespace std::chrono_literals;

/// What a server does after its process or its data was replaced.
class RedisEraTest : public RedisFixture
{
    CPPUNIT_TEST_SUITE(RedisEraTest);
    CPPUNIT_TEST(testFirstUseGrantsAtOnce);
    CPPUNIT_TEST(testRestartWithoutDataGrantsNothingForTheLongestTtl);
    CPPUNIT_TEST(testFreshProcessIsRefusedByAServerThatHasJustStarted);
    CPPUNIT_TEST(testRestartWithDataGrantsNothingAndRenews);
    CPPUNIT_TEST(testRestoredSnapshotGrantsNothing);
    CPPUNIT_TEST(testFlushLosesLeasesAndRenewCreatesNothing);
    CPPUNIT_TEST(testFlushIsNoticedByAProcessThatAsksLater);
    CPPUNIT_TEST(testLateProcessIsSilencedOnlyForItsOwnLongestTtl);
    CPPUNIT_TEST(testDeletedRecordIsNotGranted);
    CPPUNIT_TEST(testLongTtlIsKnownForAsLongAsItsLease);
    CPPUNIT_TEST(testRenamedRecordIsNotGranted);
    CPPUNIT_TEST(testPruneOfADeletedRecordKeepsItsName);
    CPPUNIT_TEST(testSchemaThatChangesInUseIsRefused);
    CPPUNIT_TEST(testEvictionPolicyIsRefused);
    CPPUNIT_TEST(testEvictedDataGrantsNothing);
    CPPUNIT_TEST(testQuietTimeEndsThoughTheClockWasAhead);
    CPPUNIT_TEST_SUITE_END();

    static constexpr Milliseconds ttl = 2s;

    /// Returns the fence of the next grant of this lock, and when it came.
    static std::pair<Fence, std::chrono::steady_clock::time_point> awaitGrant(LockStore& store, const std::string& name)
    {
        Fence fence = 0;
        until("a grant of " + name,
              [&]
              {
                  try
                  {
                      const auto reply = acquire(store, name, "next", ttl);
                      fence = reply.record.fence;
                      return reply.status == AcquireStatus::granted;
                  }
                  catch (const LockStoreUnavailable&)
                  {
                      return false;
                  }
              });
        return {fence, std::chrono::steady_clock::now()};
    }

    /// The server counts whole milliseconds, so what lasts `ttl` by its clock may end up to one earlier. A lease's safety margin covers
    /// that.
    static void assertLastedTtl(std::chrono::steady_clock::time_point began, std::chrono::steady_clock::time_point ended)
    {
        CPPUNIT_ASSERT(ended - began > ttl - 1ms);
    }

    void assertQuiet(LockStore& store, const std::string& name)
    {
        assertSays(unavailability([&] { acquire(store, name, "other", ttl); }), "it grants nothing for another ");
    }

public:
    void testFirstUseGrantsAtOnce()
    {
        const auto store = open();
        grant(*store, "a");
    }

    void testRestartWithoutDataGrantsNothingForTheLongestTtl()
    {
        const auto store = open(), other = open();
        const auto lost = grant(*store, "a", ttl);
        const auto held = std::chrono::steady_clock::now();
        server().restart();
        assertQuiet(*store, "a");
        assertQuiet(*other, "b");
        assertQuiet(*open(), "b"); // a process that starts now
        CPPUNIT_ASSERT(renew(*store, lost, ttl).status == RenewStatus::lost);
        const auto [fence, granted] = awaitGrant(*store, "a");
        assertLastedTtl(held, granted);
        CPPUNIT_ASSERT(fence > lost.fence);
    }

    void testFreshProcessIsRefusedByAServerThatHasJustStarted()
    {
        // The server counts its uptime in whole seconds: it starts late in one second, and is asked early in the next.
        const auto second = [] { return std::chrono::system_clock::now().time_since_epoch() / 1s; };
        const auto fraction = [] { return std::chrono::system_clock::now().time_since_epoch() % 1s; };
        until("the late part of a second", [&] { return fraction() > 500ms && fraction() < 700ms; });
        const auto lost = grant(*open(), "a", ttl);
        const auto held = std::chrono::steady_clock::now();
        server().restart();
        until("the next second", [&, started = second()] { return second() > started; });
        const auto fresh = open({.pauseAfterStart = ttl});
        assertQuiet(*fresh, "a");
        const auto [fence, granted] = awaitGrant(*fresh, "a");
        assertLastedTtl(held, granted);
        CPPUNIT_ASSERT(fence > lost.fence);
        // The pause is over, so another store on this server begins at once.
        grant(*open({.prefix = "other", .pauseAfterStart = ttl}), "a");
    }

    void testRestartWithDataGrantsNothingAndRenews()
    {
        server({.keepsChanges = true});
        const auto store = open();
        const auto kept = grant(*store, "a");
        server().restart();
        assertQuiet(*store, "b");
        CPPUNIT_ASSERT(renew(*store, kept).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(acquire(*store, "a", "other").status == AcquireStatus::held);
        CPPUNIT_ASSERT(store->release(kept, context()).status == ReleaseStatus::released);
        assertQuiet(*store, "a");
    }

    void testRestoredSnapshotGrantsNothing()
    {
        server({.arguments = {"--dbfilename", "kept.rdb"}});
        const auto store = open();
        const auto old = grant(*store, "a", ttl);
        server().operate({"SAVE"});
        store->release(old, context());
        const auto lost = grant(*store, "a", ttl, "second");
        const auto held = std::chrono::steady_clock::now();
        server().restart();
        assertQuiet(*open(), "b");
        CPPUNIT_ASSERT(renew(*store, lost, ttl).status == RenewStatus::lost);
        const auto [fence, granted] = awaitGrant(*store, "a");
        assertLastedTtl(held, granted);
        CPPUNIT_ASSERT(fence > lost.fence);
    }

    void testFlushLosesLeasesAndRenewCreatesNothing()
    {
        const auto store = open();
        const auto lease = grant(*store, "a");
        server().operate({"FLUSHALL"});
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::lost);
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(keys() == std::vector<std::string>{"{leasehold}:era"});
        assertQuiet(*store, "a");
    }

    void testFlushIsNoticedByAProcessThatAsksLater()
    {
        const auto store = open(), late = open();
        grant(*late, "a", ttl, "late");
        store->release(grant(*store, "b", 1s), context()); // each answer tells the longest TTL, also that of others
        server().operate({"FLUSHALL"});
        assertQuiet(*store, "a");
        awaitGrant(*store, "b");
        // Nobody else can know how long this process was away.
        assertQuiet(*late, "c");
        assertQuiet(*store, "c");
        awaitGrant(*late, "c");
    }

    void testLateProcessIsSilencedOnlyForItsOwnLongestTtl()
    {
        const auto store = open(), late = open();
        grant(*late, "a", ttl, "late");
        server().operate({"FLUSHALL"});
        const auto fresh = open();
        grant(*fresh, "long", longTtl);
        assertQuiet(*late, "c");
        awaitGrant(*late, "c"); // and not after ten minutes
        CPPUNIT_ASSERT(acquire(*late, "long", "other").status == AcquireStatus::held);
    }

    void testDeletedRecordIsNotGranted()
    {
        const auto store = open();
        const auto lost = grant(*store, "a", ttl);
        const auto held = std::chrono::steady_clock::now();
        server().operate({"DEL", "{leasehold}:l:a"});
        assertSays(unavailability([&] { acquire(*store, "a", "other", ttl); }), "another program deleted the record of the lock \"a\"");
        CPPUNIT_ASSERT(acquire(*store, "a", "other", ttl).status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*store, lost, ttl).status == RenewStatus::lost);
        grant(*store, "b", ttl);
        const auto [fence, granted] = awaitGrant(*store, "a");
        assertLastedTtl(held, granted);
        CPPUNIT_ASSERT(fence > lost.fence);
    }

    void testLongTtlIsKnownForAsLongAsItsLease()
    {
        server({.setClock = true}, RedisKind::valkey8);
        const auto timeRefused = [this](const std::string& name)
        {
            server().operate({"DEL", "{leasehold}:l:" + name});
            const auto fresh = open();
            unavailability([&] { acquire(*fresh, name, "other", ttl); });
            return acquire(*fresh, name, "other", ttl).record.remaining;
        };
        grant(*open(), "long", 3h);
        for (const std::string name : {"b", "c"})
        {
            server().advanceClock(61min);
            grant(*open(), name, ttl);
        }
        CPPUNIT_ASSERT(timeRefused("long") > 2h);
        for (const std::string name : {"d", "e"})
        {
            server().advanceClock(4h);
            grant(*open(), name, ttl);
        }
        CPPUNIT_ASSERT(timeRefused("e") <= ttl);
    }

    void testRenamedRecordIsNotGranted()
    {
        const auto store = open();
        grant(*store, "a", ttl);
        server().operate({"RENAME", "{leasehold}:l:a", "{leasehold}:l:elsewhere"});
        unavailability([&] { acquire(*store, "a", "other", ttl); });
        awaitGrant(*store, "a");
    }

    void testPruneOfADeletedRecordKeepsItsName()
    {
        const auto store = open();
        grant(*store, "a", ttl);
        server().operate({"DEL", "{leasehold}:l:a"});
        until("the candidate is old enough",
              [&]
              {
                  CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(Milliseconds{1}, context()));
                  return server().operate({"EXISTS", "{leasehold}:l:a"}).integer == 1;
              });
        CPPUNIT_ASSERT(acquire(*store, "a", "other", ttl).status == AcquireStatus::held);
    }

    void testSchemaThatChangesInUseIsRefused()
    {
        const auto store = open();
        grant(*store, "a", ttl);
        server().operate({"HSET", "{leasehold}:era", "schema", "2", "tag", "of a newer version"});
        assertSays(error([&] { acquire(*store, "b", "token", ttl); }), "has the schema \"2\"");
    }

    void testEvictionPolicyIsRefused()
    {
        server({.arguments = {"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}});
        assertSays(error([&] { open(); }), "maxmemory-policy is allkeys-lru");
        server().operate({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"});
        open();
        server().operate({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "0"});
        open();
    }

    void testEvictedDataGrantsNothing()
    {
        const auto store = open();
        grant(*store, "a", ttl);
        const auto used = std::stoll(server().info("memory", "used_memory"));
        server().operate({"CONFIG", "SET", "maxmemory", std::to_string(used + 500'000), "maxmemory-policy", "allkeys-lru"});
        int junk = 0;
        until("the era is evicted",
              [&]
              {
                  server().operate({"SET", "junk" + std::to_string(++junk), std::string(100'000, 'j')});
                  return server().operate({"EXISTS", "{leasehold}:era"}).integer == 0;
              });
        assertQuiet(*store, "b");
    }

    void testQuietTimeEndsThoughTheClockWasAhead()
    {
        server({.setClock = true}, RedisKind::valkey8);
        const auto store = open();
        grant(*store, "a", ttl);
        server().advanceClock(1h);
        server().operate({"FLUSHALL"});
        assertQuiet(*store, "a");
        server().advanceClock(-1h);
        assertQuiet(*store, "a");
        server().advanceClock(ttl);
        grant(*store, "a", ttl, "next");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisEraTest);

} // namespace Leasehold
