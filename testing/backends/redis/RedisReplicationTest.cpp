#include "RedisCluster.h"
#include "RedisFixture.h"
#include "RedisSentinels.h"
#include "TestCertificates.h"

#include "Leasehold/Store/ReleaseFeed.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <thread>

namespace Leasehold
{

using namespace std::chrono_literals;

/// Replicas, sentinels and clusters, one step at a time. RedisFailoverTest has them under load.
class RedisReplicationTest : public RedisFixture
{
    CPPUNIT_TEST_SUITE(RedisReplicationTest);
    CPPUNIT_TEST(testGrantWithoutItsReplicaDoesNotCount);
    CPPUNIT_TEST(testPrimaryDemotedBeforeConfirmationIsUnavailable);
    CPPUNIT_TEST(testReplicaInAListOfNodesIsPassedOver);
    CPPUNIT_TEST(testSentinelsNameThePrimary);
    CPPUNIT_TEST(testSentinelsHaveAUserOfTheirOwn);
    CPPUNIT_TEST(testUnknownNameOfThePrimaryIsTold);
    CPPUNIT_TEST(testSentinelIsNotUsedAsAServer);
    CPPUNIT_TEST(testSentinelsAndTheirServersUseTls);
    CPPUNIT_TEST(testPromotedReplicaGrantsNothingAndRenews);
    CPPUNIT_TEST(testPrimaryThatComesBackGrantsNothing);
    CPPUNIT_TEST(testClusterKeepsEveryNameInOneSlot);
    CPPUNIT_TEST(testClusterUsesTls);
    CPPUNIT_TEST(testClusterWithoutANodeForTheSlotIsUnavailable);
    CPPUNIT_TEST(testFeedHearsReleasesInACluster);
    CPPUNIT_TEST(testMovedSlotIsAFailover);
    CPPUNIT_TEST_SUITE_END();

    static constexpr Milliseconds ttl = 3s;

    static RedisOptions throughSentinels(const RedisSentinels& group)
    {
        return {.nodes = group.nodes(), .sentinel = RedisSentinels::primaryName, .pauseAfterStart = {}};
    }

    static std::unique_ptr<RedisLockStore> prepared(const RedisOptions& options)
    {
        auto store = std::make_unique<RedisLockStore>(options);
        store->prepare(context());
        return store;
    }

    /// Calls it until it does not throw LockStoreUnavailable.
    template <typename Call>
    static auto insist(const Call& call)
    {
        std::optional<decltype(call())> result;
        std::string last;
        const bool done = waitUntil(
            [&]
            {
                try
                {
                    result = call();
                    return true;
                }
                catch (const LockStoreUnavailable& problem)
                {
                    last = problem.message();
                    return false;
                }
            },
            1min);
        CPPUNIT_ASSERT_MESSAGE(last, done);
        return *result;
    }

public:
    void testGrantWithoutItsReplicaDoesNotCount()
    {
        RedisServer replica(RedisKind::redis7, {.arguments = {"--replicaof", "127.0.0.1", std::to_string(server().port())}});
        until("the replica follows", [&] { return replica.info("replication", "master_link_status") == "up"; });
        const auto store = open({.replicas = 1, .pauseAfterStart = {}});
        const auto lease = grant(*store, "a");
        replica.pause();
        const auto within = [] { return CallContext::within(2s); };
        assertSays(unavailability([&] { store->acquire({.name = "b", .token = "t", .ttl = longTtl}, within()); }),
                   "only 0 of 1 replicas confirmed the change within 1000 ms");
        const RenewRequest renewal{lease, longTtl};
        CPPUNIT_ASSERT(store->renew({&renewal, 1}, within()).at(0).status == RenewStatus::unavailable);
        unavailability([&] { store->breakLock("a", lease.fence, BreakMode::whenItEnds, within()); });
        const auto unconfirmed = store->find("b", context()).value().fence;
        replica.resume();
        const auto replayed = insist([&] { return acquire(*store, "b", "t"); });
        CPPUNIT_ASSERT(replayed.status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(unconfirmed, replayed.record.fence);
    }

    void testPrimaryDemotedBeforeConfirmationIsUnavailable()
    {
        const auto store = open({.replicas = 1, .pauseAfterStart = {}}); // there is none, so each grant waits for a second
        std::string message;
        until("the server is demoted while a grant waits",
              [&]
              {
                  server().operate({"REPLICAOF", "NO", "ONE"});
                  std::atomic<bool> ended{false};
                  std::jthread caller(
                      [&]
                      {
                          message = unavailability([&] { acquire(*store, "a", "t"); });
                          ended = true;
                      });
                  until("the grant waits", [&] { return server().info("clients", "blocked_clients") == "1" || ended; });
                  server().operate({"REPLICAOF", "127.0.0.1", "1"});
                  caller.join();
                  return message.find("it became a replica before its replicas confirmed the change") != std::string::npos;
              });
    }

    void testReplicaInAListOfNodesIsPassedOver()
    {
        RedisServer replica(RedisKind::redis7, {.arguments = {"--replicaof", "127.0.0.1", std::to_string(server().port())}});
        until("the replica follows", [&] { return replica.info("replication", "master_link_status") == "up"; });
        const auto store = open({.nodes = {replica.node(), server().node()}, .pauseAfterStart = {}});
        grant(*store, "a");
        assertSays(unavailability([&] { open({.nodes = {replica.node()}}); }),
                   replica.node() + ": it is a replica; locks need the primary");
    }

    void testSentinelsNameThePrimary()
    {
        RedisSentinels group(RedisKind::redis7);
        const auto store = prepared(throughSentinels(group));
        grant(*store, "a");
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, group.server(0).operate({"EXISTS", "{leasehold}:l:a"}).integer);
    }

    void testSentinelsHaveAUserOfTheirOwn()
    {
        RedisSentinels group(RedisKind::redis7);
        addWorker(group.server(group.primary()));
        group.operateSentinels(
            {"ACL", "SETUSER", "watcher", "reset", "on", ">hunter3", "+hello", "+client|setname", "+sentinel|get-master-addr-by-name"});
        group.operateSentinels({"ACL", "SETUSER", "default", "resetpass"}); // from now on nobody else may log in to a sentinel
        auto options = throughSentinels(group);
        options.user = "worker";
        options.password = "hunter2";
        assertSays(error([&] { prepared(options); }), "it refuses HELLO: it asks for a password");
        options.sentinelUser = "watcher";
        options.sentinelPassword = "hunter2";
        assertSays(error([&] { prepared(options); }), "it refuses the user or the password");
        options.sentinelPassword = "hunter3";
        grant(*prepared(options), "a");
    }

    void testUnknownNameOfThePrimaryIsTold()
    {
        RedisSentinels group(RedisKind::redis7);
        assertSays(unavailability([&] { prepared({.nodes = group.nodes(), .sentinel = "other"}); }), "watches no primary called other");
    }

    void testSentinelIsNotUsedAsAServer()
    {
        RedisSentinels group(RedisKind::redis7);
        assertSays(error([&] { prepared({.nodes = group.nodes()}); }), "is a sentinel: set leasehold.store.redis.sentinel");
        assertSays(error([&] { prepared({.nodes = {group.server(0).node()}, .sentinel = "leasehold"}); }), "is no sentinel");
    }

    void testSentinelsAndTheirServersUseTls()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        RedisSentinels group(RedisKind::redis7, {}, &certificates);
        auto options = throughSentinels(group);
        unavailability([&] { prepared(options); }); // no server speaks without TLS
        options.tls = true;
        options.caFile = certificates.caFile();
        const auto store = prepared(options);
        const auto lease = grant(*store, "a");
        const auto killed = group.primary();
        group.server(killed).kill();
        until("the next primary renews the lease", [&] { return isRenewed(*store, lease); });
        CPPUNIT_ASSERT(group.primary() != killed);
    }

    void testPromotedReplicaGrantsNothingAndRenews()
    {
        RedisSentinels group(RedisKind::redis7);
        const auto store = prepared(throughSentinels(group));
        const auto kept = grant(*store, "kept");
        const auto lost = grant(*store, "lost", ttl);
        const auto killed = group.primary();
        // The grant must be on both replicas, because either may be elected.
        for (std::size_t each = 0; each < RedisSentinels::servers; ++each)
            until("the replica has the lock", [&] { return group.server(each).info("keyspace", "db0").starts_with("keys=5"); });
        for (std::size_t each = 0; each < RedisSentinels::servers; ++each)
        {
            if (each != killed) // as if it had not been replicated
                group.server(each).operate({"CONFIG", "SET", "replica-read-only", "no"}),
                    group.server(each).operate({"DEL", "{leasehold}:l:lost"});
        }
        group.server(killed).kill();
        until("another server is promoted", [&] { return group.primary() != killed; });
        CPPUNIT_ASSERT(insist([&] { return renew(*store, kept); }).status == RenewStatus::renewed);
        assertSays(unavailability([&] { acquire(*store, "new", "t"); }), "it grants nothing for another ");
        CPPUNIT_ASSERT(renew(*store, lost, ttl).status == RenewStatus::lost);
    }

    /// The old primary believes in its replicas for a moment, so only a grant that one of them confirms counts.
    void testPrimaryThatComesBackGrantsNothing()
    {
        RedisSentinels group(RedisKind::redis7, {"--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"});
        const auto paused = group.primary();
        const auto old = prepared({.nodes = {group.server(paused).node()}, .replicas = 1, .pauseAfterStart = {}});
        grant(*old, "before");
        group.server(paused).pause();
        until("another server is promoted", [&] { return group.primary() != paused; });
        // The replicas have left the old primary for good when they follow the new one.
        for (std::size_t each = 0; each < RedisSentinels::servers; ++each)
        {
            const auto follows = std::to_string(group.server(group.primary()).port());
            if (each != paused && each != group.primary())
                until("the other replica follows", [&] { return group.server(each).info("replication", "master_port") == follows; });
        }
        group.server(paused).resume();
        int attempts = 0;
        until("the old primary is demoted",
              [&]
              {
                  ++attempts;
                  unavailability([&] { acquire(*old, "lock" + std::to_string(attempts), "t"); });
                  try
                  {
                      return group.server(paused).info("replication", "role") == "slave";
                  }
                  catch (const std::exception&) // the sentinels end its connections when they demote it
                  {
                      return false;
                  }
              });
    }

    void testClusterKeepsEveryNameInOneSlot()
    {
        RedisCluster cluster(RedisKind::redis7, false);
        const auto store = prepared({.nodes = cluster.nodes(), .replicas = 0, .pauseAfterStart = {}});
        std::vector<RenewRequest> renewals;
        for (const std::string name : {"{a}", "}{", "{}", "a{b}c", "{leasehold}", "plain"})
        {
            renewals.push_back({grant(*store, name), longTtl});
            CPPUNIT_ASSERT(store->find(name, context()));
        }
        for (const auto& reply : store->renew(renewals, context()))
            CPPUNIT_ASSERT(reply.status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(renewals.size(), store->list({}, context()).size());
        assertSays(error([&] { prepared({.nodes = cluster.nodes(), .database = 1}); }), "a cluster has only the database 0");
        assertSays(error([&] { prepared({.nodes = cluster.nodes(), .durable = true}); }), "durable is set, but a cluster");
    }

    void testClusterUsesTls()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        RedisCluster cluster(RedisKind::redis7, false, &certificates);
        const auto owner = cluster.ownerOf("leasehold");
        const auto other = cluster.node((owner + 1) % RedisCluster::primaries).node(); // it names the owner
        const auto store = prepared({.nodes = {other}, .tls = true, .caFile = certificates.caFile(), .replicas = 0, .pauseAfterStart = {}});
        grant(*store, "a");
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, cluster.node(owner).operate({"EXISTS", "{leasehold}:l:a"}).integer);
    }

    void testClusterWithoutANodeForTheSlotIsUnavailable()
    {
        RedisCluster cluster(RedisKind::redis7, false);
        const auto store = prepared({.nodes = cluster.nodes(), .replicas = 0, .pauseAfterStart = {}});
        const auto lease = grant(*store, "a");
        auto& owner = cluster.node(cluster.ownerOf("leasehold"));
        const auto slot = std::to_string(owner.operate({"CLUSTER", "KEYSLOT", "{leasehold}:era"}).integer);
        owner.operate({"CLUSTER", "DELSLOTS", slot});
        assertSays(unavailability([&] { renew(*store, lease); }), "the cluster is down: a primary is missing");
        owner.operate({"CLUSTER", "ADDSLOTS", slot});
        CPPUNIT_ASSERT(insist([&] { return renew(*store, lease); }).status == RenewStatus::renewed);
    }

    struct Sink : ReleaseSink
    {
        void watching(const std::string&) override { ++confirmed; }
        void mayBeFree(const std::string&) override { ++free; }
        void lost(std::span<const LeaseRef>) override {}
        void deaf(const std::string&) override { ++deafened; }
        std::atomic<int> confirmed{0}, free{0}, deafened{0};
    };

    static void releaseWanted(LockStore& store, const std::string& token)
    {
        const auto lease = insist(
            [&]
            {
                const auto reply = acquire(store, "a", token, ttl);
                if (reply.status != AcquireStatus::granted)
                    throw LockStoreUnavailable("held");
                return LeaseRef{"a", token, reply.record.fence};
            });
        store.acquire({.name = "a", .token = "waiter", .ttl = ttl, .wantedFor = 1min}, context());
        CPPUNIT_ASSERT(store.release(lease, context()).wanted);
    }

    void testFeedHearsReleasesInACluster()
    {
        RedisCluster cluster(RedisKind::redis7, false);
        for (std::size_t node = 0; node < cluster.size(); ++node)
            addWorker(cluster.node(node), {"+spublish", "+ssubscribe", "+sunsubscribe"}); // operating.md adds these for a cluster
        const auto store =
            prepared({.nodes = cluster.nodes(), .user = "worker", .password = "hunter2", .replicas = 0, .pauseAfterStart = {}});
        Sink sink;
        const auto feed = store->releaseFeed(sink);
        feed->watch("a");
        until("the watch is confirmed", [&] { return sink.confirmed > 0; });
        releaseWanted(*store, "t");
        until("the release is told", [&] { return sink.free > 0; });
        const auto target = (cluster.ownerOf("leasehold") + 1) % RedisCluster::primaries;
        cluster.moveSlot("leasehold", target, [] {});
        until("the watch is confirmed again", [&] { return sink.confirmed > 1; });
        const int before = sink.free;
        releaseWanted(*store, "u");
        until("the release is told there", [&] { return sink.free > before; });
        CPPUNIT_ASSERT_EQUAL(1, sink.deafened.load());
    }

    void testMovedSlotIsAFailover()
    {
        RedisCluster cluster(RedisKind::valkey8, false);
        const auto store = prepared({.nodes = cluster.nodes(), .replicas = 0, .pauseAfterStart = {}});
        const auto kept = grant(*store, "kept");
        const auto first = grant(*store, "a", ttl);
        store->release(first, context());
        const auto target = (cluster.ownerOf("leasehold") + 1) % RedisCluster::primaries;
        cluster.moveSlot("leasehold", target,
                         [&]
                         {
                             assertSays(unavailability([&] { acquire(*store, "b", "t"); }), "is being moved to another node");
                             unavailability([&] { renew(*store, kept); });
                         });
        CPPUNIT_ASSERT_EQUAL(target, cluster.ownerOf("leasehold"));
        CPPUNIT_ASSERT(insist([&] { return renew(*store, kept); }).status == RenewStatus::renewed);
        assertSays(unavailability([&] { acquire(*store, "a", "next"); }), "it grants nothing for another ");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({}, context()).size());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisReplicationTest);

} // namespace Leasehold
