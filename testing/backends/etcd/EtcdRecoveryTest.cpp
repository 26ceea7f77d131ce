#include "EtcdCluster.h"
#include "EtcdFixture.h"
#include "txnText.h"

#include "Leasehold/ChildProcess.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <regex>

namespace Leasehold
{

using namespace std::chrono_literals;
using namespace Etcd;

/// Storages that are emptied, set back, replaced or full.
class EtcdRecoveryTest : public EtcdFixture
{
    CPPUNIT_TEST_SUITE(EtcdRecoveryTest);
    CPPUNIT_TEST(testEmptiedPrefixIsNoticedInTheStepThatWouldGrant);
    CPPUNIT_TEST(testRestoredSnapshotIsNoticedInTheStepThatWouldGrant);
    CPPUNIT_TEST(testTwoClustersBehindOneStoreAreNoticed);
    CPPUNIT_TEST(testNewerSchemaIsRefusedInEveryStep);
    CPPUNIT_TEST(testFullDatabaseIsUnavailableUntilItIsRepaired);
    CPPUNIT_TEST(testMissingGatewayIsNamed);
    CPPUNIT_TEST_SUITE_END();

    EtcdServer& server() const override { return sharedEtcd(EtcdKind::etcd35); }

    static EtcdOptions optionsOf(const std::vector<std::string>& urls)
    {
        EtcdOptions options;
        options.nodes = urls;
        return options;
    }

    static void run(std::vector<std::string> command)
    {
        ChildProcess program(std::move(command), {.readsInput = false, .errorFile = "/dev/null"}); // its log
        const auto output = program.hearAll();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(output, 0, program.wait());
    }

    /// The number that the answer has as text under this name.
    static std::string numberIn(const std::string& body, const std::string& field)
    {
        const std::regex pattern("\"" + field + "\": ?\"([0-9]+)\"");
        std::smatch match;
        CPPUNIT_ASSERT_MESSAGE(body, std::regex_search(body, match, pattern));
        return match[1];
    }

    /// Puts back the state of the snapshot.
    static void restore(EtcdServer& server, EtcdKind kind, const std::string& snapshot)
    {
        server.kill();
        const auto restored = (server.folder() / "restored").string();
        const auto peer = server.peer();
        run({EtcdServer::etcdctl(kind), "snapshot", "restore", snapshot, "--data-dir", restored, "--name", peer.substr(0, peer.find('=')),
             "--initial-cluster", peer, "--initial-advertise-peer-urls", peer.substr(peer.find('=') + 1)});
        std::filesystem::remove_all(server.dataFolder());
        std::filesystem::rename(restored, server.dataFolder());
        server.restart();
    }

public:
    void testEmptiedPrefixIsNoticedInTheStepThatWouldGrant()
    {
        auto store = open(), other = open();
        const auto lease = grant(*store, "a", 2s, "token");
        const auto released = grant(*other, "c", 2s, "token");
        server().deletePrefix(prefix + '/');
        CPPUNIT_ASSERT(other->release(released, context()).status == ReleaseStatus::notHeld);
        const auto message = unavailability([&] { store->acquire({"b", "token", 2s}, context()); });
        CPPUNIT_ASSERT_MESSAGE(message, message.find("vanished") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, server().countKeys(prefix + '/')); // nothing was granted
        CPPUNIT_ASSERT(renew(*store, lease, 2s).status == RenewStatus::lost);
        until("locks are granted again",
              [&]
              {
                  try
                  {
                      return store->acquire({"b", "token", 2s}, context()).status == AcquireStatus::granted;
                  }
                  catch (const LockStoreUnavailable&)
                  {
                      return false;
                  }
              });
    }

    void testRestoredSnapshotIsNoticedInTheStepThatWouldGrant()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            EtcdServer own(kind);
            auto store = open(optionsOf({own.url()}));
            const auto early = grant(*store, "early", 2s, "token");
            const auto snapshot = (own.folder() / "snapshot").string();
            run({EtcdServer::etcdctl(kind), "--endpoints", own.url(), "snapshot", "save", snapshot});
            const auto late = grant(*store, "late", 2s, "token");
            store->release(late, context());
            CPPUNIT_ASSERT(store->acquire({"late", "other", 2s}, context()).status == AcquireStatus::granted);
            restore(own, kind, snapshot);
            const auto message = unavailability([&] { store->acquire({"late", "rival", 2s}, context()); });
            CPPUNIT_ASSERT_MESSAGE(message, message.find("vanished or was replaced") != std::string::npos);
            CPPUNIT_ASSERT_THROW(store->acquire({"another", "rival", 2s}, context()), LockStoreUnavailable);
            CPPUNIT_ASSERT(early.fence < late.fence);
        }
    }

    void testTwoClustersBehindOneStoreAreNoticed()
    {
        EtcdServer one(EtcdKind::etcd34), other(EtcdKind::etcd34);
        open(optionsOf({one.url()}));
        open(optionsOf({other.url()}));
        auto store = open(optionsOf({one.url(), other.url()}));
        grant(*store, "a");
        auto& used = one.countKeys("leasehold/l/a") == 1 ? one : other; // the store chose one by chance
        used.pause();
        // The first calls find the node hanging; then the other cluster answers.
        until("the other cluster is refused",
              [&]
              {
                  const auto message = unavailability([&] { store->acquire({"b", "token", 10min}, CallContext::within(2s)); });
                  return message.find("vanished or was replaced") != std::string::npos;
              });
        used.resume();
    }

    void testNewerSchemaIsRefusedInEveryStep()
    {
        auto store = open();
        const auto lease = grant(*store, "a");
        txn({}, putValue(prefix + "/v", "2 of the future"));
        const auto message = error([&] { store->acquire({"b", "token", 10min}, context()); });
        CPPUNIT_ASSERT_MESSAGE(message, message.find("update the program") != std::string::npos);
        error([&] { store->release(lease, context()); });
        error([&] { store->renew(std::vector<RenewRequest>{{lease, 10min}}, context()); });
        error([&] { store->find("a", context()); });
        error([&] { store->list({}, context()); });
        error([&] { store->breakLock("a", lease.fence, BreakMode::now, context()); });
        error([&] { store->prune(1h, context()); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, server().countKeys(prefix + "/l/"));
    }

    void testFullDatabaseIsUnavailableUntilItIsRepaired()
    {
        for (const auto kind : {EtcdKind::etcd34, EtcdKind::etcd35})
        {
            EtcdServer small(kind, {.arguments = {"--quota-backend-bytes", "16777216"}});
            auto store = open(optionsOf({small.url()}));
            const auto lease = grant(*store, "a");
            const auto put = txnText({}, putValue("filler", std::string(1'000'000, 'x')), {});
            while (small.ask("POST", "/v3/kv/txn", put).status == 200)
            {
            }
            const auto requireNoSpace = [](const std::string& message)
            { CPPUNIT_ASSERT_MESSAGE(message, message.find("no space") != std::string::npos); };
            requireNoSpace(unavailability([&] { store->acquire({"b", "token", 20s}, context()); }));
            const auto renewal = renew(*store, lease, 20s);
            CPPUNIT_ASSERT(renewal.status == RenewStatus::unavailable);
            requireNoSpace(renewal.reason);
            CPPUNIT_ASSERT(store->find("a", context()));

            const auto status = small.post("/v3/maintenance/status", "{}");
            small.post("/v3/kv/deleterange", R"({"key":"ZmlsbGVy"})");
            const auto revision = numberIn(small.post("/v3/kv/range", R"({"key":"ZmlsbGVy"})"), "revision");
            small.post("/v3/kv/compaction", R"({"revision":")" + revision + R"(","physical":true})");
            small.post("/v3/maintenance/defragment", "{}");
            small.post("/v3/maintenance/alarm",
                       R"({"action":"DEACTIVATE","alarm":"NOSPACE","memberID":")" + numberIn(status, "member_id") + "\"}");
            CPPUNIT_ASSERT(renew(*store, lease, 20s).status == RenewStatus::renewed);
            grant(*store, "b");
            CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
        }
    }

    void testMissingGatewayIsNamed()
    {
        EtcdServer closed(EtcdKind::etcd34, {.arguments = {"--enable-grpc-gateway=false"}});
        EtcdLockStore store(optionsOf({closed.url()}));
        const auto message = error([&] { store.prepare(context()); });
        CPPUNIT_ASSERT_MESSAGE(message, message.find("--enable-grpc-gateway") != std::string::npos);
    }
};

/// Members that cannot serve, beside others that can.
class EtcdMembersTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EtcdMembersTest);
    CPPUNIT_TEST(testMembersThatCannotServeAreLeftOut);
    CPPUNIT_TEST_SUITE_END();

    static EtcdOptions optionsOf(const std::vector<std::string>& urls)
    {
        EtcdOptions options;
        options.nodes = urls;
        return options;
    }

    /// Tries until the lock is granted, as the service does.
    static void requireGrant(LockStore& store, const std::string& name)
    {
        for (int tries = 0;; ++tries)
        {
            try
            {
                const auto reply = store.acquire({name, "token", 10min}, CallContext::within(4s));
                CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
                return;
            }
            catch (const LockStoreUnavailable& problem)
            {
                CPPUNIT_ASSERT_MESSAGE(problem.message(), tries < 20);
            }
        }
    }

public:
    void testMembersThatCannotServeAreLeftOut()
    {
        EtcdCluster cluster(EtcdKind::etcd35);
        cluster.awaitHealth();
        const auto leader = cluster.leader();
        const auto removed = (leader + 1) % EtcdCluster::size, follower = EtcdCluster::another(leader, removed);

        // Two of three are stopped: no quorum.
        const std::vector<std::string> all{cluster.node(0).url(), cluster.node(1).url(), cluster.node(2).url()};
        EtcdLockStore store(optionsOf(all));
        store.prepare(CallContext::within(20s));
        requireGrant(store, "a");
        cluster.node(leader).pause();
        cluster.node(removed).pause();
        EtcdLockStore alone(optionsOf({cluster.node(follower).url()}));
        CPPUNIT_ASSERT_THROW(alone.prepare(CallContext::within(10s)), LockStoreUnavailable);
        CPPUNIT_ASSERT_THROW(store.acquire({"b", "token", 10min}, CallContext::within(2s)), LockStoreUnavailable);
        CPPUNIT_ASSERT_THROW(store.find("a", CallContext::within(2s)), LockStoreUnavailable);
        cluster.node(leader).resume();
        cluster.node(removed).resume();
        cluster.awaitHealth();
        requireGrant(store, "b");

        // One is removed.
        const auto id = cluster.statusOf(removed, "member_id");
        const auto stays = cluster.leader() == removed ? follower : cluster.leader();
        cluster.node(stays).post("/v3/cluster/member/remove", R"({"ID":")" + id + "\"}");
        EtcdLockStore first(optionsOf({cluster.node(removed).url(), cluster.node(stays).url()}));
        requireGrant(first, "c");
        requireGrant(store, "d");

        // It comes back as a learner, which serves nobody.
        auto& learner = cluster.node(removed);
        learner.kill();
        std::filesystem::remove_all(learner.dataFolder());
        cluster.node(stays).post("/v3/cluster/member/add",
                                 R"({"isLearner":true,"peerURLs":[")" + learner.peer().substr(learner.peer().find('=') + 1) + "\"]}");
        learner.joins(cluster.node(0).peer() + ',' + cluster.node(1).peer() + ',' + cluster.node(2).peer(), "existing");
        learner.launch(); // its health is that of no voter
        EtcdLockStore onLearner(optionsOf({learner.url()}));
        const auto refusal = [&]
        {
            try
            {
                onLearner.prepare(CallContext::within(5s));
                return std::string();
            }
            catch (const LockStoreUnavailable& problem)
            {
                return problem.message();
            }
        };
        std::string message;
        const bool isTold = waitUntil([&] { return (message = refusal()).find("learner") != std::string::npos; }, 1min);
        CPPUNIT_ASSERT_MESSAGE(message, isTold);
        EtcdLockStore withLearner(optionsOf({learner.url(), cluster.node(stays).url()}));
        for (int i = 0; i < 10; ++i)
            CPPUNIT_ASSERT(withLearner.acquire({"learner " + std::to_string(i), "token", 10min}, CallContext::within(10s)).status ==
                           AcquireStatus::granted);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EtcdRecoveryTest);
CPPUNIT_TEST_SUITE_REGISTRATION(EtcdMembersTest);

} // namespace Leasehold
