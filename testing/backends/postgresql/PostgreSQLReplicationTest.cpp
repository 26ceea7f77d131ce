#include "PostgreSQLFixture.h"

#include "Leasehold/FaultSchedule.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <fstream>
#include <thread>

namespace Leasehold
{

using namespace std::chrono_literals;

namespace
{

class Events : public ReleaseSink
{
public:
    void watching(const std::string&) override { ++confirmed; }
    void mayBeFree(const std::string&) override { ++free; }
    void lost(std::span<const LeaseRef>) override {}
    void deaf(const std::string&) override { ++deafened; }

    std::atomic<int> confirmed{0}, free{0}, deafened{0};
};

} // namespace

/// A primary with a synchronous standby, and the session that listens.
class PostgreSQLReplicationTest : public PostgreSQLFixture
{
    CPPUNIT_TEST_SUITE(PostgreSQLReplicationTest);
    CPPUNIT_TEST(testGrantWhoseWaitForTheStandbyWasCancelledIsNoGrant);
    CPPUNIT_TEST(testPromotedStandbyHasEveryGrant);
    CPPUNIT_TEST(testStandbyAloneIsUnavailable);
    CPPUNIT_TEST(testListenerThatWasTerminatedHearsAgain);
    CPPUNIT_TEST(testListenerOfAStandbyAsksLessAndLess);
    CPPUNIT_TEST(testReleaseThatNobodyWaitsForNotifiesNobody);
    CPPUNIT_TEST(testListenerThatReadsNothingHindersNoRelease);
    CPPUNIT_TEST_SUITE_END();

    /// A pair of its own, because a test breaks it.
    struct Pair
    {
        PostgresServer primary{"postgresql15"};
        PostgresServer standby{"postgresql15", {.settings = {"log_connections = on"}, .primary = &primary}};

        Pair()
        {
            primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
            primary.query("SELECT pg_reload_conf()");
            until("the standby is synchronous",
                  [this] { return primary.value("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1"; });
        }

        PostgreSQLOptions options() const
        {
            auto both = primary.storeOptions("leasehold");
            both.hosts.push_back("127.0.0.1:" + std::to_string(standby.port()));
            return both;
        }
    };

public:
    void testGrantWhoseWaitForTheStandbyWasCancelledIsNoGrant()
    {
        Pair pair;
        const auto store = open(pair.options());
        const auto lease = grant(*store, "a");
        pair.standby.pause();
        std::string said;
        std::jthread waiter([&] { said = unavailability([&] { acquire(*store, "b", "t"); }); });
        until("the grant waits for the standby",
              [&]
              {
                  return pair.primary.value("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep' "
                                            "AND application_name = 'leasehold'") != "0";
              });
        waiter.join();
        assertSays(said, "the server warned with SQLSTATE 01000");
        pair.standby.resume();
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    }

    void testPromotedStandbyHasEveryGrant()
    {
        Pair pair;
        const auto store = open(pair.options());
        const auto lease = grant(*store, "a");
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        pair.primary.kill();
        unavailability([&] { acquire(*store, "a", "u"); });
        pair.standby.promote();
        CPPUNIT_ASSERT(acquire(*store, "a", "u").status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
        const auto next = grant(*store, "b");
        CPPUNIT_ASSERT(next.fence > lease.fence);
    }

    void testStandbyAloneIsUnavailable()
    {
        Pair pair;
        grant(*open(pair.options()), "a");
        auto standby = pair.options();
        standby.hosts.erase(standby.hosts.begin());
        PostgreSQLLockStore store(standby);
        assertSays(unavailability([&] { store.find("a", context()); }), "the server is a standby");
        assertSays(unavailability([&] { acquire(store, "a", "t"); }), "the server is a standby");
    }

    void testListenerThatWasTerminatedHearsAgain()
    {
        const auto store = open();
        Events events;
        const auto feed = store->releaseFeed(events);
        feed->watch("a");
        until("the watch is confirmed", [&] { return events.confirmed == 1; });
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
        until("the watch is confirmed again", [&] { return events.confirmed == 2; });
        CPPUNIT_ASSERT_EQUAL(1, events.deafened.load());
        const auto lease = grant(*store, "a");
        store->acquire({.name = "a", .token = "u", .ttl = longTtl, .wantedFor = 10s}, context());
        CPPUNIT_ASSERT(store->release(lease, context()).wanted);
        until("the release is told", [&] { return events.free == 1; });
    }

    void testListenerOfAStandbyAsksLessAndLess()
    {
        Pair pair;
        auto standby = pair.options();
        standby.hosts.erase(standby.hosts.begin());
        PostgreSQLLockStore store(standby);
        const auto attempts = [&]
        {
            std::ifstream log(pair.standby.folder() / "server.log");
            int count = 0;
            for (std::string line; std::getline(log, line);)
                count +=
                    line.find("connection authorized") != std::string::npos && line.find("application_name=leasehold") != std::string::npos;
            return count;
        };
        Events events;
        const auto began = std::chrono::steady_clock::now();
        const auto feed = store.releaseFeed(events);
        feed->watch("a");
        until("the feed is deaf", [&] { return events.deafened == 1; });
        for (int number = 0; number < 20; ++number)
            feed->watch(std::to_string(number)); // none of them hastens the next attempt
        until("the third attempt", [&] { return attempts() >= 3; });
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began >= 600ms); // pauses of 200 and 400 ms
        CPPUNIT_ASSERT_EQUAL(1, events.deafened.load());
        CPPUNIT_ASSERT_EQUAL(0, events.confirmed.load());
    }

    void testReleaseThatNobodyWaitsForNotifiesNobody()
    {
        const auto store = open();
        Events events;
        const auto feed = store->releaseFeed(events);
        feed->watch("lonely");
        feed->watch("wanted");
        until("the watches are confirmed", [&] { return events.confirmed == 2; });
        CPPUNIT_ASSERT(!store->release(grant(*store, "lonely"), context()).wanted);
        sql("NOTIFY leasehold, 'from another program'");
        const auto lease = grant(*store, "wanted");
        store->acquire({.name = "wanted", .token = "u", .ttl = longTtl, .wantedFor = 10s}, context());
        CPPUNIT_ASSERT(store->release(lease, context()).wanted);
        until("a release is told", [&] { return events.free > 0; }); // they are told in their order
        CPPUNIT_ASSERT_EQUAL(1, events.free.load());
    }

    /// Its session fills the buffers of its connection, and then keeps the notifications in the server's queue.
    void testListenerThatReadsNothingHindersNoRelease()
    {
        PostgresSession deaf(server().connectionString() + " dbname=leasehold");
        deaf.query("LISTEN leasehold");
        const auto store = open();
        const std::string name(250, 'n');
        for (int round = 0; round < (isLongTest() ? 33'000 : 300); ++round)
        {
            const auto token = std::to_string(round);
            const auto lease = grant(*store, name, longTtl, token);
            store->acquire({.name = name, .token = "waiter", .ttl = longTtl, .wantedFor = 10s}, context());
            const auto reply = store->release(lease, context());
            CPPUNIT_ASSERT(reply.status == ReleaseStatus::released && reply.wanted);
        }
        CPPUNIT_ASSERT(std::stod(server().value("SELECT pg_notification_queue_usage()")) < 0.01);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLReplicationTest);

} // namespace Leasehold
