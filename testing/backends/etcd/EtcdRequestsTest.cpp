#include "EtcdFixture.h"
#include "EtcdTrouble.h"
#include "Gateway.h"
#include "LockKeys.h"
#include "LockMemory.h"
#include "StepOperations.h"
#include "WatchFeed.h"
#include "txnText.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>

namespace Leasehold
{

using namespace std::chrono_literals;
using namespace Etcd;

/// The requests of the store as real servers understand them. They ignore unknown fields, so each field must show an effect.
class EtcdRequestsTest : public EtcdFixture
{
    CPPUNIT_TEST_SUITE(EtcdRequestsTest);
    CPPUNIT_TEST(testEveryComparisonCounts);
    CPPUNIT_TEST(testEveryOperationTakesEffect);
    CPPUNIT_TEST(testEveryFieldOfARangeCounts);
    CPPUNIT_TEST(testEveryFieldOfAWatchCounts);
    CPPUNIT_TEST(testLeasesHaveTheIdAndTtlThatWereAskedFor);
    CPPUNIT_TEST(testFullTxnIsAllowed);
    CPPUNIT_TEST(testFullGroupOfAcquiresIsAllowed);
    CPPUNIT_TEST(testServerThatAllowsMoreOperationsGetsFewerTxns);
    CPPUNIT_TEST(testTooManyOperationsNameTheKey);
    CPPUNIT_TEST(testLeasesAreNeitherExtendedNorRevoked);
    CPPUNIT_TEST(testFailedAcquiresLeaveALeaseASecond);
    CPPUNIT_TEST(testEveryLiveKeyHangsOnALease);
    CPPUNIT_TEST(testReadersOfTheStorageLearnNoToken);
    CPPUNIT_TEST(testLeaseThatEndedMeanwhileIsReplacedOnce);
    CPPUNIT_TEST(testOpenedAndClosedStoresLeaveNoConnection);
    CPPUNIT_TEST(testForkedChildCannotUseItsParentsStore);
    CPPUNIT_TEST(testReaderMakesNothing);
    CPPUNIT_TEST(testWatchThatBeginsAgainMissesNothing);
    CPPUNIT_TEST(testCompactedWatchBeginsAgain);
    CPPUNIT_TEST_SUITE_END_ABSTRACT();

protected:
    bool holds(const std::string& compare) const { return txn(compare, {}).txn.succeeded; }
    std::string key(const std::string& name) const { return prefix + '/' + name; }

    std::vector<KeyValue> found(const Interval& interval) const { return txn({}, readInterval(interval)).txn.responses.at(0).found; }
    KeyValue one(const std::string& name) const
    {
        const auto answer = txn({}, readKey(key(name)));
        const auto* const found = answer.txn.responses.at(0).only();
        CPPUNIT_ASSERT_MESSAGE(name, found != nullptr);
        return *found;
    }
    std::int64_t makeLease(std::int64_t ttl) const
    {
        const auto answer = server().post("/v3/lease/grant", R"({"ID":"0","TTL":")" + std::to_string(ttl) + "\"}");
        return readLease(answer).value().id;
    }
    std::set<std::string> leases() const
    {
        const auto body = server().post("/v3/lease/leases", "{}");
        const std::regex id(R"re("ID":"(\d+)")re");
        std::set<std::string> ids;
        std::transform(std::sregex_iterator(body.begin(), body.end(), id), std::sregex_iterator(), std::inserter(ids, ids.end()),
                       [](const std::smatch& lease) { return lease.str(1); });
        return ids;
    }

public:
    void testEveryComparisonCounts()
    {
        const auto here = key("here"), absent = key("absent");
        txn({}, putValue(here, "m"));
        const auto revision = one("here").modRevision;
        CPPUNIT_ASSERT(holds(ifAbsent(absent)) && !holds(ifAbsent(here)));
        CPPUNIT_ASSERT(holds(ifPresent(here)) && !holds(ifPresent(absent)));
        CPPUNIT_ASSERT(holds(ifRevision(here, revision)) && !holds(ifRevision(here, revision + 1)));
        CPPUNIT_ASSERT(holds(ifValue(here, Relation::equal, "m")) && !holds(ifValue(here, Relation::equal, "n")));
        CPPUNIT_ASSERT(holds(ifValue(here, Relation::notEqual, "n")) && !holds(ifValue(here, Relation::notEqual, "m")));
        CPPUNIT_ASSERT(holds(ifValue(here, Relation::less, "n")) && !holds(ifValue(here, Relation::less, "m")));
        CPPUNIT_ASSERT(holds(ifValue(here, Relation::greater, "l")) && !holds(ifValue(here, Relation::greater, "m")));
        // An absent key has no value: also "not equal" is false.
        for (const auto relation : {Relation::equal, Relation::notEqual, Relation::less, Relation::greater})
            CPPUNIT_ASSERT(!holds(ifValue(absent, relation, "m")));
        CPPUNIT_ASSERT(!holds(listed(ifPresent(here), ifPresent(absent))));
    }

    void testEveryOperationTakesEffect()
    {
        const auto here = key("here");
        const auto first = makeLease(600), second = makeLease(600);
        const auto carryOut = [&](const std::string& operation, std::int64_t lease)
        {
            std::string text;
            appendWithLease(text, operation, lease);
            txn({}, nestedTxn({}, text, {}));
        };
        carryOut(putOnLease(here), first);
        CPPUNIT_ASSERT(one("here").lease == first && one("here").value.empty());
        txn({}, putValue(here, "value")); // without a lease
        CPPUNIT_ASSERT(one("here").lease == 0 && one("here").value == "value");
        carryOut(moveToLease(here), second);
        CPPUNIT_ASSERT(one("here").lease == second && one("here").value == "value");
        txn({}, deleteKey(here));
        CPPUNIT_ASSERT(!holds(ifPresent(here)));
        txn(ifPresent(here), putValue(here, "success"), putValue(here, "failure"));
        CPPUNIT_ASSERT_EQUAL(std::string("failure"), one("here").value);
    }

    void testEveryFieldOfARangeCounts()
    {
        for (const auto* name : {"a", "b", "c"})
            txn({}, putValue(key(name), "old"));
        const auto revision = txn({}, readKey(key("a"))).header.revision;
        txn({}, putValue(key("b"), "new"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, found({.begin = key("a"), .end = key("c")}).size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, found({.begin = key({}), .end = endOfPrefix(key({}))}).size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, found({.begin = key("a"), .end = key("c"), .limit = 1}).size());
        CPPUNIT_ASSERT_EQUAL(std::string("new"), found({.begin = key("b"), .end = key("c")}).at(0).value);
        CPPUNIT_ASSERT_EQUAL(std::string("old"), found({.begin = key("b"), .end = key("c"), .revision = revision}).at(0).value);
        CPPUNIT_ASSERT(found({.begin = key("b"), .end = key("c"), .keysOnly = true}).at(0).value.empty());
    }

    void testEveryFieldOfAWatchCounts()
    {
        Gateway gateway(options());
        const auto linesOf = [&](std::int64_t fromRevision, std::size_t count, const std::function<void()>& change)
        {
            const auto stream = gateway.stream("/v3/watch", watchText(key("w/"), fromRevision), context());
            const auto first = readWatchLine(stream->readLine(context()).value());
            CPPUNIT_ASSERT(first && first->created);
            change();
            std::vector<std::string> told;
            while (told.size() < count)
            {
                const auto text = stream->readLine(context()).value();
                CPPUNIT_ASSERT_MESSAGE(text, text.find("DELETE") == std::string::npos);
                const auto line = readWatchLine(text).value();
                told.insert(told.end(), line.put.begin(), line.put.end());
            }
            return told;
        };
        const std::vector<std::string> both{key("w/a"), key("w/b")};
        std::int64_t revision = 0;
        const auto told = linesOf(0, 2,
                                  [&]
                                  {
                                      for (const auto* const outside : {"w", "w0", "v"})
                                          txn({}, putValue(key(outside), "x"));
                                      revision = txn({}, putValue(key("w/a"), "x")).header.revision;
                                      txn({}, deleteKey(key("w/a")));
                                      txn({}, putValue(key("w/b"), "x"));
                                  });
        CPPUNIT_ASSERT(told == both);
        CPPUNIT_ASSERT(linesOf(revision, 2, [] {}) == both); // of the past
        CPPUNIT_ASSERT(linesOf(revision + 1, 1, [] {}) == std::vector<std::string>{key("w/b")});
    }

    void testLeasesHaveTheIdAndTtlThatWereAskedFor()
    {
        const auto id = leaseId(Milliseconds{7000}, 4711);
        server().post("/v3/lease/grant", R"({"ID":")" + std::to_string(id) + R"(","TTL":"7"})");
        const auto told = readLease(server().post("/v3/lease/timetolive", R"({"ID":")" + std::to_string(id) + "\"}"));
        CPPUNIT_ASSERT(told && told->id == id && told->ttl <= 7 && told->ttl >= 5);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7000}, static_cast<std::int64_t>(ttlOfLease(id).count()));
    }

    void testFullTxnIsAllowed()
    {
        auto store = open();
        std::vector<RenewRequest> requests;
        for (int i = 0; i < 357; ++i)
            requests.push_back({grant(*store, "lock " + std::to_string(i)), 10min});
        const auto before = calls("Txn");
        for (const auto& reply : store->renew(requests, context()))
            CPPUNIT_ASSERT(reply.status == RenewStatus::renewed);
        const auto txns = calls("Txn") - before;
        CPPUNIT_ASSERT_MESSAGE(std::to_string(txns), txns == 3); // 119 in each
    }

    void testFullGroupOfAcquiresIsAllowed()
    {
        const auto lease = makeLease(600);
        const auto statusOf = [&](int count)
        {
            std::string operations;
            for (int i = 0; i < count; ++i)
            {
                operations += i == 0 ? "" : ",";
                const AcquireRequest request{.name = "lock " + std::to_string(i), .token = "token", .ttl = longTtl, .wantedFor = 1s};
                appendWithLease(operations, acquireOperation(LockKeys(prefix), request, 0, 1'764'338'400'000'000).text, lease);
            }
            return server().ask("POST", "/v3/kv/txn", txnText({}, operations, {})).status;
        };
        CPPUNIT_ASSERT_EQUAL(200, statusOf(119)); // the deepest step needs the other 9 of 128
        CPPUNIT_ASSERT_EQUAL(400, statusOf(120));
    }

    void testServerThatAllowsMoreOperationsGetsFewerTxns()
    {
        const EtcdServer wide(server().kind(), {.arguments = {"--max-txn-ops", "2000"}});
        auto wanted = options();
        wanted.nodes = {wide.url()};
        wanted.maxTxnOps = 2000;
        auto store = open(wanted);
        std::vector<RenewRequest> requests;
        for (int i = 0; i < 1000; ++i)
            requests.push_back({{"lock " + std::to_string(i), "token", 1}, 10min});
        requests.front().lease = grant(*store, "lock 0");
        const auto before = calls(wide, "Txn");
        const auto replies = store->renew(requests, context());
        CPPUNIT_ASSERT_EQUAL(1.0, calls(wide, "Txn") - before);
        CPPUNIT_ASSERT(replies.front().status == RenewStatus::renewed && replies.back().status == RenewStatus::lost);
    }

    void testTooManyOperationsNameTheKey()
    {
        auto wanted = options();
        wanted.maxTxnOps = 2000;
        auto store = open(wanted);
        std::vector<RenewRequest> requests;
        for (int i = 0; i < 500; ++i)
            requests.push_back({{"lock " + std::to_string(i), "token", 1}, 10min});
        const auto message = error([&] { store->renew(requests, context()); });
        CPPUNIT_ASSERT_MESSAGE(message, message.find("leasehold.store.etcd.max_txn_ops") != std::string::npos);
    }

    void testLeasesAreNeitherExtendedNorRevoked()
    {
        const auto extended = calls("LeaseKeepAlive"), revoked = calls("LeaseRevoke");
        auto store = open();
        const auto lease = grant(*store, "a", 4s, "token");
        CPPUNIT_ASSERT(store->acquire({"a", "token", 4s}, context()).status == AcquireStatus::granted); // sent again
        CPPUNIT_ASSERT(renew(*store, lease, 4s).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->breakLock("a", lease.fence, BreakMode::whenItEnds, context()));
        CPPUNIT_ASSERT(store->release(grant(*store, "b"), context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT_EQUAL(extended, calls("LeaseKeepAlive"));
        CPPUNIT_ASSERT_EQUAL(revoked, calls("LeaseRevoke"));
    }

    void testFailedAcquiresLeaveALeaseASecond()
    {
        auto store = open(), rival = open();
        grant(*store, "a");
        const auto known = leases();
        const auto before = LocalClock::now();
        for (int i = 0; i < 1000; ++i)
            CPPUNIT_ASSERT(rival->acquire({"a", "rival", 10min}, context()).status == AcquireStatus::held);
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(LocalClock::now() - before).count();
        const auto now = leases();
        const auto made = std::ranges::count_if(now, [&](const auto& id) { return !known.contains(id); });
        CPPUNIT_ASSERT_MESSAGE(std::to_string(made) + " leases in " + std::to_string(seconds) + " s", made >= 1 && made <= seconds + 1);
    }

    void testEveryLiveKeyHangsOnALease()
    {
        auto store = open();
        const auto lease = grant(*store, "a");
        renew(*store, lease);
        store->acquire({"a", "token", 20min}, context());
        grant(*store, "b", 4s, "token");
        const auto live = found({.begin = key("l/"), .end = key("l0")});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, live.size());
        for (const auto& one : live)
            CPPUNIT_ASSERT(one.lease > 0);
    }

    void testReadersOfTheStorageLearnNoToken()
    {
        auto store = open();
        grant(*store, "a", longTtl, "secret-token-6f1d");
        for (const auto& one : found({.begin = key({}), .end = endOfPrefix(key({}))}))
            CPPUNIT_ASSERT_MESSAGE(one.key, one.value.find("secret-token-6f1d") == std::string::npos);
    }

    void testLeaseThatEndedMeanwhileIsReplacedOnce()
    {
        auto store = open();
        const auto lease = grant(*store, "a");
        const auto live = one("l/a").lease;
        // As if the process had slept: the shared lease is gone, and with it the lock.
        server().post("/v3/lease/revoke", R"({"ID":")" + std::to_string(live) + "\"}");
        CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::lost);
        grant(*store, "b");
    }

    void testOpenedAndClosedStoresLeaveNoConnection()
    {
        const auto descriptors = []
        { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()); };
        open();
        const auto before = descriptors();
        for (int i = 0; i < 100; ++i)
        {
            auto store = open();
            FeedEvents sink;
            const auto feed = store->releaseFeed(sink);
            feed->watch("a");
            until("the watch is confirmed", [&] { return sink.confirmed > 0; });
        }
        CPPUNIT_ASSERT_EQUAL(before, descriptors());
    }

    void testForkedChildCannotUseItsParentsStore() { assertForkedChildIsRefused(open()); }

    void testReaderMakesNothing()
    {
        EtcdLockStore reader(options());
        const auto look = [&]
        {
            reader.prepareToRead(context());
            return reader.find("a", context()).has_value();
        };
        CPPUNIT_ASSERT(!look());
        CPPUNIT_ASSERT(reader.list({}, context()).empty());
        const auto all = txn({}, Etcd::readInterval({.begin = prefix, .end = Etcd::endOfPrefix(prefix)}));
        CPPUNIT_ASSERT(all.txn.responses.at(0).found.empty());
        grant(*open(), "a");
        CPPUNIT_ASSERT(look());
    }

    void testWatchThatBeginsAgainMissesNothing()
    {
        Gateway gateway(options());
        const LockKeys keys(prefix);
        FeedEvents sink;
        const auto feed = makeWatchFeed(gateway, keys, sink, Milliseconds{0}); // it begins again after each line
        feed->watch("a");
        until("the watch is confirmed", [&] { return sink.confirmed > 0; });
        int releases = 0;
        const auto watches = calls("Watch");
        until("the watch has begun again ten times",
              [&]
              {
                  for (int i = 0; i < 20; ++i, ++releases)
                      txn({}, putValue(keys.freed("a"), {}));
                  return calls("Watch") - watches > 10;
              });
        until("all releases are told", [&] { return sink.freed >= releases; });
        CPPUNIT_ASSERT_EQUAL(releases, sink.freed.load());
        CPPUNIT_ASSERT_EQUAL(0, sink.deafened.load());
    }

    void testCompactedWatchBeginsAgain()
    {
        Gateway gateway(options());
        const LockKeys keys(prefix);
        FeedEvents sink;
        const auto feed = makeWatchFeed(gateway, keys, sink, Milliseconds{0});
        feed->watch("a");
        until("the watch is confirmed", [&] { return sink.confirmed > 0; });
        until("the watch begins at a revision that is gone",
              [&]
              {
                  txn({}, putValue(key("other"), "x"));
                  const auto revision = std::to_string(txn({}, putValue(key("other"), "y")).header.revision);
                  server().post("/v3/kv/compaction", R"({"revision":")" + revision + "\"}");
                  return sink.deafened > 0;
              });
        CPPUNIT_ASSERT_MESSAGE(sink.lastDeafness(), sink.lastDeafness().find("were compacted") != std::string::npos);
        const auto old = server().ask("POST", "/v3/kv/range", rangeText({.begin = key("a"), .end = key("b"), .limit = 1, .revision = 1}));
        CPPUNIT_ASSERT_MESSAGE(old.body, judge(old).meaning == Meaning::compacted);
        // The waiters ask the storage when the watch is confirmed again, so they miss no release.
        until("the watch is confirmed again", [&] { return sink.confirmed > sink.deafened; });
        const auto before = sink.freed.load();
        txn({}, putValue(keys.freed("a"), {}));
        until("a release is told", [&] { return sink.freed > before; });
    }
};

class Etcd34RequestsTest : public EtcdRequestsTest
{
    CPPUNIT_TEST_SUB_SUITE(Etcd34RequestsTest, EtcdRequestsTest);
    CPPUNIT_TEST_SUITE_END();
    EtcdServer& server() const override { return sharedEtcd(EtcdKind::etcd34); }
};

class Etcd35RequestsTest : public EtcdRequestsTest
{
    CPPUNIT_TEST_SUB_SUITE(Etcd35RequestsTest, EtcdRequestsTest);
    CPPUNIT_TEST_SUITE_END();
    EtcdServer& server() const override { return sharedEtcd(EtcdKind::etcd35); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(Etcd34RequestsTest);
CPPUNIT_TEST_SUITE_REGISTRATION(Etcd35RequestsTest);

} // namespace Leasehold
