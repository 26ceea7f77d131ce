#include "LockMemory.h"
#include "ScriptedServer.h"
#include "StoreFixture.h"
#include "base64.h"

#include "Leasehold/EtcdLockStore.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <sstream>
#include <tuple>

namespace Leasehold
{

using namespace std::chrono_literals;
using namespace Etcd;

/// Answers that a real server gives seldom, or not when a test wants them.
class OddAnswersTest : public StoreFixture
{
    CPPUNIT_TEST_SUITE(OddAnswersTest);
    CPPUNIT_TEST(testHistoryThatIsKeptIsWarnedOfOnce);
    CPPUNIT_TEST(testFaultyVersionIsWarnedOfAndOldOneRefused);
    CPPUNIT_TEST(testNegativeTimeToLiveReadsAsHeldWithNothingLeft);
    CPPUNIT_TEST(testLeaseWithoutTimeIsNoLease);
    CPPUNIT_TEST(testTakenLeaseIdIsReplaced);
    CPPUNIT_TEST(testAnswersThatMakeNoSenseAreErrors);
    CPPUNIT_TEST(testSecondAnswerThatMakesNoSenseIsAnError);
    CPPUNIT_TEST(testForeignKeyAtThePlaceOfTheSchemaIsRefused);
    CPPUNIT_TEST(testServerThatIsDownWasSentNothing);
    CPPUNIT_TEST(testRequestTooLargeNamesTheServersSetting);
    CPPUNIT_TEST(testTokenThatIsAlwaysRefusedIsUnavailable);
    CPPUNIT_TEST(testLogInThatFailsIsTold);
    CPPUNIT_TEST(testLearnerIsLeftForAnotherNode);
    CPPUNIT_TEST(testMissingVersionIsUnavailable);
    CPPUNIT_TEST(testLeaseThatCannotBeAskedForIsUnavailable);
    CPPUNIT_TEST(testFeedThatIsRefusedOrCutIsDeaf);
    CPPUNIT_TEST(testStoreWithoutNodesIsRefused);
    CPPUNIT_TEST_SUITE_END();

    struct Answer
    {
        int status = 200;
        std::string body{};
    };
    static constexpr int cut = 0, raw = 1; // no answer, and a body with its own head; the connection ends

    /// Empty: the usual answer.
    using Special = std::function<std::optional<Answer>(const std::string& path, const std::string& body)>;

    static std::string header(std::int64_t revision = 5)
    {
        return R"("header":{"cluster_id":"1","revision":")" + std::to_string(revision) + "\"}";
    }
    static std::string range(const std::string& key = {}, const std::string& value = {}, std::int64_t lease = 0)
    {
        if (key.empty())
            return R"({"response_range":{)" + header() + "}}";
        return R"({"response_range":{)" + header() + R"(,"kvs":[{"key":")" + base64(key) + R"(","value":")" + base64(value) +
               R"(","mod_revision":"4","lease":")" + std::to_string(lease) + "\"}]}}";
    }
    static std::string txn(const std::string& responses)
    {
        return '{' + header() + R"(,"succeeded":true,"responses":[)" + responses + "]}";
    }

    static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
    static std::string idIn(const std::string& body)
    {
        const auto begin = body.find(R"("ID":")") + 6;
        return body.substr(begin, body.find('"', begin) - begin);
    }

    /// An etcd with a prepared storage in which others hold the lock "a".
    static Answer usual(const std::string& path, const std::string& body)
    {
        if (path == "/version")
            return {200, R"({"etcdserver":"3.5.16"})"};
        if (path == "/v3/lease/grant")
            return {200, '{' + header() + R"(,"ID":")" + idIn(body) + R"(","TTL":"700"})"};
        if (path == "/v3/lease/timetolive")
            return {200, '{' + header() + R"(,"ID":")" + idIn(body) + R"(","TTL":"7"})"};
        const auto schema = range("leasehold/v", "1 x");
        const auto memory = range("leasehold/m/a", LockMemory{1000, Standing::held, 1, "{}"}.text());
        const auto token = range("leasehold/t/a", "hash");
        const auto live = range("leasehold/l/a", {}, leaseId(30s, 7));
        if (has(body, R"("success":[{"request_put")")) // prepare
            return {200, '{' + header() + R"(,"responses":[)" + schema + "]}"};
        if (has(body, R"("request_txn")")) // an acquire
            return {200, txn(R"({"response_txn":{"responses":[)" + memory + ',' + token + ',' + live + "]}}")};
        if (has(body, R"("limit")")) // a page of live locks
            return {200, txn(schema + ',' + live)};
        if (has(body, R"("revision")")) // what belongs to them
            return {200, txn(memory)};
        return {200, txn(schema + ',' + memory + ',' + token + ',' + live)};
    }

    static ScriptedServer::Behaviour etcd(Special special)
    {
        return [special = std::move(special)](ScriptedServer::Conversation& conversation)
        {
            while (conversation.readRequest())
            {
                const auto& head = conversation.head();
                const auto begin = head.find(' ') + 1;
                const auto path = head.substr(begin, head.find(' ', begin) - begin);
                const auto answer = special(path, conversation.body()).value_or(usual(path, conversation.body()));
                if (answer.status == cut)
                    return conversation.reset();
                if (answer.status == raw)
                    return conversation.send(answer.body);
                conversation.answer(answer.status, answer.body);
            }
        };
    }

    /// Answers the requests on one path so.
    static ScriptedServer::Behaviour answering(const std::string& path, const Answer& answer)
    {
        return etcd([=](const std::string& asked, const std::string&) { return asked == path ? std::optional(answer) : std::nullopt; });
    }

    static EtcdOptions options(const ScriptedServer& server)
    {
        EtcdOptions options;
        options.nodes = {server.url()};
        return options;
    }

public:
    void testHistoryThatIsKeptIsWarnedOfOnce()
    {
        constexpr std::int64_t many = 1'000'000;
        const auto warningAt = [](std::int64_t revision, const Answer& first)
        {
            std::atomic<int> asked{0};
            ScriptedServer server(etcd(
                [&](const std::string& path, const std::string& body) -> std::optional<Answer>
                {
                    if (path == "/v3/kv/range")
                    {
                        ++asked;
                        CPPUNIT_ASSERT(has(body, R"("revision":"1")"));
                        return first;
                    }
                    if (path == "/v3/kv/txn")
                        return Answer{200, '{' + header(revision) + R"(,"succeeded":true,"responses":[]})"};
                    return std::nullopt;
                }));
            EtcdLockStore store(options(server));
            store.prepare(context());
            store.prepare(context());
            CPPUNIT_ASSERT_EQUAL(revision < many ? 0 : 1, asked.load());
            return store.info().warning;
        };
        const Answer kept{200, '{' + header(many) + "}"};
        const Answer compacted{400, R"({"code":11,"message":"etcdserver: mvcc: required revision has been compacted"})"};
        assertSays(warningAt(many, kept), "--auto-compaction-retention");
        CPPUNIT_ASSERT_EQUAL(std::string(), warningAt(many, compacted));
        CPPUNIT_ASSERT_EQUAL(std::string(), warningAt(many - 1, kept));
    }

    void testFaultyVersionIsWarnedOfAndOldOneRefused()
    {
        const auto version = [](const std::string& number)
        {
            return etcd(
                [number](const std::string& path, const std::string&) -> std::optional<Answer>
                {
                    if (path == "/version")
                        return Answer{200, R"({"etcdserver":")" + number + "\"}"};
                    return std::nullopt;
                });
        };
        ScriptedServer server(version("3.5.1"));
        EtcdLockStore store(options(server));
        store.prepare(context());
        assertSays(store.info().warning, "3.5.13");
        ScriptedServer old(version("3.3.27"));
        EtcdLockStore refused(options(old));
        assertSays(error([&] { refused.prepare(context()); }), "use etcd 3.4 or newer");
    }

    void testNegativeTimeToLiveReadsAsHeldWithNothingLeft()
    {
        ScriptedServer server(etcd(
            [](const std::string& path, const std::string& body) -> std::optional<Answer>
            {
                if (path == "/v3/lease/timetolive") // as of a lease that etcd lost track of
                    return Answer{200, '{' + header() + R"(,"ID":")" + idIn(body) + R"(","TTL":"-644865"})"};
                return std::nullopt;
            }));
        EtcdLockStore store(options(server));
        store.prepare(context());
        const auto held = acquire(store, "a", "token", 30s);
        CPPUNIT_ASSERT(held.status == AcquireStatus::held);
        CPPUNIT_ASSERT(held.record.remaining == 0ms && held.record.fence == 1000);
        const auto found = store.find("a", context());
        CPPUNIT_ASSERT(found && found->remaining == 0ms);
        const auto listed = store.list({}, context());
        CPPUNIT_ASSERT(listed.size() == 1 && listed[0].remaining == 0ms);
    }

    void testLeaseWithoutTimeIsNoLease()
    {
        for (const auto* const ttl : {"-5", "0"})
        {
            ScriptedServer server(etcd(
                [ttl](const std::string& path, const std::string& body) -> std::optional<Answer>
                {
                    if (path == "/v3/lease/grant")
                        return Answer{200, '{' + header() + R"(,"ID":")" + idIn(body) + R"(","TTL":")" + ttl + "\"}"};
                    return std::nullopt;
                }));
            EtcdLockStore store(options(server));
            store.prepare(context());
            assertSays(error([&] { acquire(store, "b", "token", 30s); }), "makes no sense");
        }
        // A TTL that is shorter than what was asked for may end too early.
        ScriptedServer server(etcd(
            [](const std::string& path, const std::string& body) -> std::optional<Answer>
            {
                if (path == "/v3/lease/grant")
                    return Answer{200, '{' + header() + R"(,"ID":")" + idIn(body) + R"(","TTL":"3"})"};
                return std::nullopt;
            }));
        EtcdLockStore store(options(server));
        store.prepare(context());
        assertSays(unavailability([&] { acquire(store, "b", "token", 30s); }), "too late");
    }

    void testTakenLeaseIdIsReplaced()
    {
        std::atomic<int> taken{0};
        ScriptedServer server(etcd(
            [&](const std::string& path, const std::string&) -> std::optional<Answer>
            {
                if (path == "/v3/lease/grant" && --taken >= 0)
                    return Answer{400, R"({"code":9,"message":"etcdserver: lease already exists"})"};
                return std::nullopt;
            }));
        EtcdLockStore store(options(server));
        store.prepare(context());
        taken = 4;
        assertSays(unavailability([&] { acquire(store, "a", "token", 30s); }), "lease already exists");
        taken = 3;
        CPPUNIT_ASSERT(acquire(store, "a", "token", 30s).status == AcquireStatus::held);
    }

    void testAnswersThatMakeNoSenseAreErrors()
    {
        std::atomic<const char*> nonsense{nullptr}; // of a Txn after it was prepared
        std::atomic<const char*> oddPath{"/v3/kv/txn"};
        ScriptedServer server(etcd(
            [&](const std::string& path, const std::string&) -> std::optional<Answer>
            {
                if (nonsense.load() && path == oddPath.load())
                    return Answer{200, nonsense.load()};
                return std::nullopt;
            }));
        EtcdLockStore store(options(server));
        store.prepare(context());
        const LeaseRef lease{"a", "token", 1000};
        const auto renewal = [&]
        {
            const auto reply = renew(store, lease);
            if (reply.status == RenewStatus::failed)
                throw LockStoreError(reply.reason);
        };
        const std::map<std::string, std::function<void()>> verbs{
            {"acquire", [&] { acquire(store, "a", "token", 30s); }},
            {"renew", renewal},
            {"release", [&] { store.release(lease, context()); }},
            {"find", [&] { store.find("a", context()); }},
            {"list", [&] { store.list({}, context()); }},
            {"break", [&] { store.breakLock("a", 1000, BreakMode::now, context()); }},
            {"prune", [&] { store.prune(1h, context()); }},
            {"look", [&] { store.prepareToRead(context()); }},
        };
        const auto requireError = [](const std::string& what, const std::function<void()>& work)
        {
            std::string message = "it was believed";
            try
            {
                work();
            }
            catch (const LockStoreUnavailable& problem)
            {
                message = "unavailable: " + problem.message();
            }
            catch (const LockStoreError& problem)
            {
                message = problem.message();
            }
            CPPUNIT_ASSERT_MESSAGE(what + ": " + message, has(message, "makes no sense") && !message.starts_with("unavailable"));
        };
        const auto put = R"({"header":{"cluster_id":"1","revision":"5"},"succeeded":true,"responses":[{"response_put":{}}]})";
        const auto many = R"({"header":{"cluster_id":"1","revision":"5"},"succeeded":true,"responses":[{"response_put":{}},)"
                          R"({"response_put":{}},{"response_put":{}},{"response_put":{}}]})";
        const auto failed = R"({"header":{"cluster_id":"1","revision":"5"},"responses":[{"response_put":{}}]})";
        for (const auto* const body : {"{}", "<html>", R"({"header":{"cluster_id":"1","revision":"5"}})", put, many, failed})
        {
            nonsense = body;
            for (const auto& [name, verb] : verbs)
                requireError(name + " with " + body, verb);
        }
        for (const auto* const body : {"{}", failed})
        {
            nonsense = body;
            requireError("prepare", [&] { store.prepare(context()); });
        }
        nonsense = "{}";
        oddPath = "/v3/lease/timetolive";
        requireError("find", [&] { store.find("a", context()); });
    }

    void testSecondAnswerThatMakesNoSenseIsAnError()
    {
        std::mutex mutex;
        std::deque<std::string> next; // the answers to the next Txns
        ScriptedServer server(etcd(
            [&](const std::string& path, const std::string&) -> std::optional<Answer>
            {
                const std::lock_guard lock(mutex);
                if (next.empty() || path != "/v3/kv/txn")
                    return std::nullopt;
                const auto body = next.front();
                next.pop_front();
                return Answer{200, txn(body)};
            }));
        EtcdLockStore store(options(server));
        store.prepare(context());
        const auto schema = range("leasehold/v", "1 x");
        const auto live = schema + ',' + range("leasehold/l/a", {}, leaseId(30s, 7));
        const auto ended = schema + ',' + range("leasehold/m/a", LockMemory{1000, Standing::released, 1, ""}.text());
        const auto foreign = range("leasehold/m/a", "rubbish");
        const auto list = [&] { store.list({}, context()); };
        const auto prune = [&] { store.prune(1h, context()); };
        const auto renewal = [&]
        {
            const auto reply = renew(store, {"a", "token", 1000});
            CPPUNIT_ASSERT(reply.status == RenewStatus::failed);
            throw LockStoreError(reply.reason);
        };
        const std::string lost = R"({"response_txn":{"responses":[)" + foreign + ',' + range({}) + "]}}";
        const std::tuple<const char*, std::deque<std::string>, std::function<void()>> cases[] = {
            {"a foreign memory of a lost lease", {lost}, renewal},
            {"no memories of live locks", {live, ""}, list},
            {"a foreign memory of a live lock", {live, foreign}, list},
            {"no live locks of a page", {ended, ""}, prune},
            {"a foreign memory in a page", {schema + ',' + foreign, range({})}, prune},
            {"nothing done of what was asked", {ended, range({}), ""}, prune},
        };
        for (const auto& [what, answers, verb] : cases)
        {
            {
                const std::lock_guard lock(mutex);
                next = answers;
            }
            const auto message = error(verb);
            CPPUNIT_ASSERT_MESSAGE(what + (": " + message), has(message, "makes no sense"));
        }
    }

    void testForeignKeyAtThePlaceOfTheSchemaIsRefused()
    {
        for (const auto* const value : {"", "hello", "1", "0 x", "1x"})
        {
            ScriptedServer server(
                answering("/v3/kv/txn", {200, '{' + header() + R"(,"responses":[)" + range("leasehold/v", value) + "]}"}));
            EtcdLockStore store(options(server));
            assertSays(error([&] { store.prepare(context()); }), "choose another prefix");
        }
    }

    void testServerThatIsDownWasSentNothing()
    {
        ScriptedServer server(answering({}, {}));
        EtcdLockStore store(options(server));
        store.prepare(context());
        acquire(store, "a", "token", 30s); // makes the lease
        server.stop();
        assertSays(unavailability([&] { store.release({"a", "token", 1000}, CallContext::within(2s)); }), "nothing was sent");
    }

    void testRequestTooLargeNamesTheServersSetting()
    {
        ScriptedServer server(answering({}, {}));
        EtcdLockStore store(options(server));
        store.prepare(context());
        server.behave(answering("/v3/kv/txn", {400, R"({"code":3,"message":"etcdserver: request is too large"})"}));
        server.stop();
        server.listenAgain();
        assertSays(error([&] { store.release({"a", "token", 1000}, context()); }), "--max-request-bytes");
    }

    void testTokenThatIsAlwaysRefusedIsUnavailable()
    {
        std::atomic<int> logins{0};
        ScriptedServer server(etcd(
            [&](const std::string& path, const std::string&) -> std::optional<Answer>
            {
                if (path == "/v3/auth/authenticate")
                    return Answer{200, R"({"token":"t)" + std::to_string(++logins) + "\"}"};
                return Answer{401, R"({"code":16,"message":"etcdserver: invalid auth token"})"};
            }));
        auto wanted = options(server);
        wanted.user = wanted.password = "hunter2";
        EtcdLockStore store(wanted);
        const auto message = unavailability([&] { store.prepare(context()); });
        assertSays(message, "again and again");
        CPPUNIT_ASSERT(!has(message, "hunter2"));
        CPPUNIT_ASSERT_EQUAL(2, logins.load());
    }

    void testLogInThatFailsIsTold()
    {
        const auto prepare = [](const Answer& answer)
        {
            ScriptedServer server(answering("/v3/auth/authenticate", answer));
            auto wanted = options(server);
            wanted.user = wanted.password = "hunter2";
            EtcdLockStore(wanted).prepare(context());
        };
        assertSays(unavailability([&] { prepare({503, R"({"code":14,"message":"etcdserver: no leader"})"}); }), "authenticate the user");
        assertSays(unavailability([&] { prepare({cut, {}}); }), "authenticate the user");
        assertSays(error([&] { prepare({200, "{}"}); }), "makes no sense");
    }

    void testLearnerIsLeftForAnotherNode()
    {
        ScriptedServer voter(answering({}, {}));
        std::atomic<int> refused{0};
        ScriptedServer learner(etcd(
            [&](const std::string&, const std::string&)
            {
                ++refused;
                return std::optional(Answer{503, R"({"code":14,"message":"etcdserver: rpc not supported for learner"})"});
            }));
        for (int i = 0; i < 50 && refused == 0; ++i) // the first node is chosen by chance
        {
            auto wanted = options(learner);
            wanted.nodes.push_back(voter.url());
            EtcdLockStore store(wanted);
            store.prepare(context());
            CPPUNIT_ASSERT(acquire(store, "a", "token", 30s).status == AcquireStatus::held);
        }
        CPPUNIT_ASSERT(refused > 0);
    }

    void testMissingVersionIsUnavailable()
    {
        ScriptedServer server(answering("/version", {cut, {}}));
        EtcdLockStore store(options(server));
        assertSays(unavailability([&] { store.prepare(context()); }), "ask for the server's version");
    }

    void testLeaseThatCannotBeAskedForIsUnavailable()
    {
        const auto find = [](const Answer& answer)
        {
            ScriptedServer server(answering("/v3/lease/timetolive", answer));
            EtcdLockStore store(options(server));
            return store.find("a", context());
        };
        assertSays(unavailability([&] { find({503, R"({"code":14,"message":"etcdserver: no leader"})"}); }), "find the lock");
        const auto found = find({404, R"({"code":5,"message":"etcdserver: requested lease not found"})"});
        CPPUNIT_ASSERT(found && found->remaining == 0ms);
    }

    void testFeedThatIsRefusedOrCutIsDeaf()
    {
        struct Sink : ReleaseSink
        {
            std::atomic<bool> isDeaf = false;
            std::string why{};
            void watching(const std::string&) override {}
            void mayBeFree(const std::string&) override {}
            void lost(std::span<const LeaseRef>) override {}
            void deaf(const std::string& text) override { why = text, isDeaf = true; }
        };
        const auto chunk = [](const std::string& line)
        {
            std::ostringstream text;
            text << std::hex << line.size() + 1 << "\r\n" << line << "\n\r\n";
            return text.str();
        };
        const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        const auto created = chunk(R"({"result":{"header":{"revision":"5"},"created":true}})");
        const std::pair<Answer, const char*> cases[]{
            {{403, R"({"code":7,"message":"etcdserver: permission denied"})"}, "READWRITE"},
            {{401, R"({"code":16,"message":"etcdserver: invalid auth token"})"}, "token"},
            {{raw, head + created + "0\r\n\r\n"}, "ended the watch"},
            {{raw, head + created + chunk("nonsense") + "0\r\n\r\n"}, "makes no sense"},
            {{raw, head + chunk(R"({"result":{"header":{},"canceled":true}})") + "0\r\n\r\n"}, "did not begin"},
        };
        for (const auto& [answer, text] : cases)
        {
            ScriptedServer server(answering("/v3/watch", answer));
            EtcdLockStore store(options(server));
            Sink sink;
            auto feed = store.releaseFeed(sink);
            feed->watch("a");
            until(text, [&] { return sink.isDeaf.load(); });
            feed.reset(); // it tells nothing more
            assertSays(sink.why, text);
        }
    }

    void testStoreWithoutNodesIsRefused() { CPPUNIT_ASSERT_THROW(EtcdLockStore(EtcdOptions{}), LockConfigurationError); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OddAnswersTest);

} // namespace Leasehold
