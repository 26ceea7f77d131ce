#include "EtcdAnswer.h"
#include "LockMemory.h"
#include "StepOperations.h"
#include "base64.h"
#include "txnText.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Etcd
{

/// The bodies of real servers: compact ones of 3.4, and ones with spaces of 3.5.
class EtcdAnswerTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EtcdAnswerTest);
    CPPUNIT_TEST(testTxnIsRead);
    CPPUNIT_TEST(testAbsentFieldsAreFalseAndEmpty);
    CPPUNIT_TEST(testMalformedBodiesAreRefused);
    CPPUNIT_TEST(testLeaseIsRead);
    CPPUNIT_TEST(testWatchLinesAreRead);
    CPPUNIT_TEST(testErrorsOfBothVersionsAreRead);
    CPPUNIT_TEST(testTokenMustFitInAHeader);
    CPPUNIT_TEST(testBase64IsReadStrictly);
    CPPUNIT_TEST(testMemoryIsReadAsItWasWritten);
    CPPUNIT_TEST(testForeignMemoryIsRefused);
    CPPUNIT_TEST(testEndOfPrefix);
    CPPUNIT_TEST(testIncompleteGrantIsNoGrant);
    CPPUNIT_TEST(testLiveKeyWithoutLeaseMakesNoSense);
    CPPUNIT_TEST_SUITE_END();

    static std::string txn(const std::string& rest)
    {
        return R"({"header":{"cluster_id":"14","member_id":"1","revision":"7","raft_term":"2"})" + rest + '}';
    }
    static std::string range(const std::string& kvs) { return R"({"response_range":{"header":{"revision":"7"})" + kvs + "}}"; }

public:
    void testTxnIsRead()
    {
        const auto answer =
            readTxn(txn(R"(,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"7"}}},)" +
                        range(R"(,"kvs":[{"key":"YQ==","create_revision":"3","mod_revision":"5","version":"2",)"
                              R"("value":"Yg==","lease":"9"}],"count":"1")") +
                        R"(,{"response_txn":{"header":{"revision":"7"},"responses":[{"response_delete_range":{"deleted":"1"}}]}}])"));
        CPPUNIT_ASSERT(answer);
        CPPUNIT_ASSERT_EQUAL(std::string("14"), answer->header.clusterId);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, answer->header.revision);
        const auto& txn = answer->txn;
        CPPUNIT_ASSERT(txn.succeeded);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, txn.responses.size());
        CPPUNIT_ASSERT(txn.responses[0].kind == Response::Kind::put);
        const auto* const found = txn.responses[1].only();
        CPPUNIT_ASSERT(found != nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("a"), found->key);
        CPPUNIT_ASSERT_EQUAL(std::string("b"), found->value);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{9}, found->lease);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, found->modRevision);
        CPPUNIT_ASSERT(!txn.responses[2].succeeded);
        CPPUNIT_ASSERT(txn.responses[2].responses.at(0).kind == Response::Kind::deleteRange);
    }

    void testAbsentFieldsAreFalseAndEmpty()
    {
        const auto answer = readTxn(txn(R"(,"responses":[)" + range({}) + "]"));
        CPPUNIT_ASSERT(answer && !answer->txn.succeeded);
        CPPUNIT_ASSERT(answer->txn.responses.at(0).only() == nullptr);
        CPPUNIT_ASSERT(readTxn(txn({}))->txn.responses.empty());
    }

    void testMalformedBodiesAreRefused()
    {
        for (const auto& body :
             {std::string(), std::string("{"), std::string("[]"), std::string("null"), std::string("<html>"), std::string("{}"),
              txn(R"(,"succeeded":"true")"), txn(R"(,"responses":{})"), txn(R"(,"responses":[1])"), txn(R"(,"responses":[{}])"),
              txn(R"(,"responses":[{"response_other":{}}])"), txn(R"(,"responses":[)" + range(R"(,"kvs":[{"key":"?"}])") + "]"),
              txn(R"(,"responses":[)" + range(R"(,"kvs":[{"key":"YQ==","lease":"x"}])") + "]"),
              std::string(R"({"header":{"cluster_id":"1","revision":"99999999999999999999"}})"), std::string(1000, '[')})
            CPPUNIT_ASSERT_MESSAGE(body, !readTxn(body));
    }

    void testLeaseIsRead()
    {
        const auto lease = readLease(txn(R"(, "ID":"7001", "TTL":"5")"));
        CPPUNIT_ASSERT(lease && lease->id == 7001 && lease->ttl == 5);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-1}, readLease(txn(R"(,"ID":"7","TTL":"-1")"))->ttl);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, readLease(txn(R"(,"ID":"7")"))->ttl);
        CPPUNIT_ASSERT(!readLease(txn(R"(,"TTL":"5")")));
    }

    void testWatchLinesAreRead()
    {
        const auto created = readWatchLine(R"({"result":{"header":{"cluster_id":"1","revision":"4"},"created":true}})");
        CPPUNIT_ASSERT(created && created->created && !created->cancelled && !created->compacted && created->revision == 4);
        const auto events = readWatchLine(R"({"result":{"header":{"revision":"5"},"events":[{"kv":{"key":"YQ==","mod_revision":"3"}},)"
                                          R"({"type":"DELETE","kv":{"key":"Yg==","mod_revision":"4"}}]}})");
        CPPUNIT_ASSERT(events && events->put == std::vector<std::string>{"a"} && events->revision == 4);
        const auto compacted = readWatchLine(R"({"result":{"header":{"revision":"5"},"canceled":true,"compact_revision":"210"}})");
        CPPUNIT_ASSERT(compacted && compacted->cancelled && compacted->compacted);
        for (const auto* const line : {R"({"result":1})", R"({"result":{"header":{},"events":[{}]}})", R"({"result":{"created":true}})"})
            CPPUNIT_ASSERT_MESSAGE(line, !readWatchLine(line));
        CPPUNIT_ASSERT(!readWatchLine(R"({"error":{"grpc_code":3,"http_code":400,"message":"no","http_status":"Bad Request"}})"));
    }

    void testErrorsOfBothVersionsAreRead()
    {
        for (const std::string body :
             {R"({"error":"etcdserver: lease already exists","message":"etcdserver: lease already exists","code":9})",
              R"({"code":9, "message":"etcdserver: lease already exists"})",
              R"({"error":{"grpc_code":9,"message":"etcdserver: lease already exists"}})"})
        {
            const auto error = readError(body);
            CPPUNIT_ASSERT_MESSAGE(body, error && error->code == 9);
            CPPUNIT_ASSERT_EQUAL(std::string("etcdserver: lease already exists"), error->message);
        }
        for (const auto* const body : {"404 page not found", R"({"code":9})", R"({"message":"no"})", R"({"code":9,"message":9})"})
            CPPUNIT_ASSERT_MESSAGE(body, !readError(body));
        for (const auto* const body : {"{}", R"({"etcdserver":"<html>"})"})
            CPPUNIT_ASSERT_MESSAGE(body, !readVersion(body));
    }

    void testTokenMustFitInAHeader()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("abc.17"), readToken(R"({"header":{},"token":"abc.17"})").value());
        CPPUNIT_ASSERT(!readToken(R"({"token":"a\r\nHost: b"})"));
        CPPUNIT_ASSERT(!readToken(R"({"token":""})"));
    }

    void testBase64IsReadStrictly()
    {
        std::string all;
        for (int byte = 0; byte < 256; ++byte)
        {
            CPPUNIT_ASSERT_EQUAL(all, fromBase64(base64(all)).value());
            all += static_cast<char>(byte);
        }
        for (const auto* text : {"a", "ab", "abc", "ab=c", "a===", "====", " YQ==", "YQ==\n", "Y?==", "Y=Q="})
            CPPUNIT_ASSERT_MESSAGE(text, !fromBase64(text));
    }

    void testMemoryIsReadAsItWasWritten()
    {
        const LockMemory memory{maxFence, Standing::broken, 1764338400000, R"({"a":1})"};
        const auto read = LockMemory::read(memory.text());
        CPPUNIT_ASSERT(read && read->fence == maxFence && read->standing == Standing::broken && read->time == memory.time);
        CPPUNIT_ASSERT_EQUAL(memory.metadata, read->metadata);
        const LockMemory held{42, Standing::held, 1, "{}"};
        CPPUNIT_ASSERT(held.text() > heldLowerBound(42) && held.text() < heldUpperBound(42));
        CPPUNIT_ASSERT(memory.text() < heldLowerBound(maxFence)); // broken
        CPPUNIT_ASSERT(held.text() < sixteenDigits(43) && held.text() > sixteenDigits(42));
    }

    void testForeignMemoryIsRefused()
    {
        const auto good = LockMemory{1, Standing::held, 1, {}}.text();
        CPPUNIT_ASSERT(LockMemory::read(good));
        for (auto bad : {good.substr(1), '-' + good.substr(1), good.substr(0, 16) + 'Z' + good.substr(17),
                         std::string(16, '9') + good.substr(16), std::string()})
            CPPUNIT_ASSERT_MESSAGE(bad, !LockMemory::read(bad));
    }

    void testEndOfPrefix()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("l0"), endOfPrefix("l/"));
        CPPUNIT_ASSERT_EQUAL(std::string("b"), endOfPrefix("a\xff\xff"));
        CPPUNIT_ASSERT_EQUAL(std::string(1, '\0'), endOfPrefix("\xff"));
    }

    void testIncompleteGrantIsNoGrant()
    {
        const Response put{.kind = Response::Kind::put};
        const Response grant{.responses = {put, put, put}};
        const auto answer = [](Response innermost)
        { return Response{.succeeded = true, .responses = {{.responses = {std::move(innermost)}}}}; };
        CPPUNIT_ASSERT(readAcquire(answer(grant), "hash")->kind == AcquireOutcome::Kind::granted);
        CPPUNIT_ASSERT(!readAcquire(answer({.responses = {put, put}}), "hash"));
        CPPUNIT_ASSERT(!readAcquire(answer({.succeeded = true, .responses = {put, put, put}}), "hash"));
        CPPUNIT_ASSERT(!readAcquire(answer({.succeeded = true, .responses = {{.kind = Response::Kind::range}}}), "hash"));
        CPPUNIT_ASSERT(!readAcquire({.succeeded = true, .responses = {grant}}, "hash"));
        CPPUNIT_ASSERT(!readAcquire({.succeeded = true}, "hash"));
        CPPUNIT_ASSERT(readAcquire({.succeeded = true, .responses = {{.succeeded = true}}}, "hash")->kind == AcquireOutcome::Kind::spent);
        CPPUNIT_ASSERT(!readRenewal({.succeeded = true}, {}));
        CPPUNIT_ASSERT(!readRelease({.succeeded = true, .responses = {put}}, {}, 0));
        CPPUNIT_ASSERT(!readRelease({.succeeded = true, .responses = {put, put, put}}, {}, 0));
    }

    void testLiveKeyWithoutLeaseMakesNoSense()
    {
        Response memory{.kind = Response::Kind::range}, live = memory, token = memory;
        memory.found.push_back({.value = LockMemory{1, Standing::held, 1, "{}"}.text()});
        live.found.push_back({.lease = 5});
        CPPUNIT_ASSERT(readState({memory, token, live})->lease == 5);
        live.found[0].lease = 0; // it would never end
        CPPUNIT_ASSERT(!readState({memory, token, live}));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EtcdAnswerTest);

} // namespace Leasehold::Etcd
