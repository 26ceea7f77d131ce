#include "ScriptedServer.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/RedisLockStore.h"
#include "Leasehold/Store/ReleaseFeed.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <chrono>

namespace Leasehold
{

using namespace std::chrono_literals;

/// Servers that are no Redis, too old, or broken.
class RedisHandshakeTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RedisHandshakeTest);
    CPPUNIT_TEST(testServerThatIsTooOldIsRefused);
    CPPUNIT_TEST(testProxyWithoutHelloIsRefused);
    CPPUNIT_TEST(testServerWithoutRoleIsRefused);
    CPPUNIT_TEST(testProxyWithoutScriptsIsRefused);
    CPPUNIT_TEST(testNewerSchemaIsRefused);
    CPPUNIT_TEST(testOtherProtocolIsUnavailable);
    CPPUNIT_TEST(testDrippingServerEndsAtTheDeadline);
    CPPUNIT_TEST(testNodesThatSendOneAroundAreUnavailable);
    CPPUNIT_TEST(testSlotThatNeverArrivesIsUnavailable);
    CPPUNIT_TEST(testUnknownErrorIsToldByItsCode);
    CPPUNIT_TEST(testNonsenseAboutTheEraIsRefused);
    CPPUNIT_TEST(testSentinelThatNamesNoServerIsUnavailable);
    CPPUNIT_TEST(testEveryNodeThatFailedIsNamed);
    CPPUNIT_TEST(testWatchIsConfirmedOnlyByTheServer);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* hello =
        "*8\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n"
        "$4\r\nrole\r\n$6\r\nmaster\r\n";
    /// The replies to SCRIPT LOAD.
    static std::string loaded()
    {
        std::string replies;
        for (int script = 0; script < 8; ++script)
            replies += "$40\r\n" + std::string(40, 'a') + "\r\n";
        return replies;
    }

    /// A server that answers each piece of what it reads with the next of these.
    static ScriptedServer::Behaviour answering(std::vector<std::string> answers)
    {
        return [answers = std::move(answers)](ScriptedServer::Conversation& conversation)
        {
            for (const auto& answer : answers)
            {
                conversation.readAnything();
                conversation.send(answer);
            }
            conversation.hang();
        };
    }

    static std::string nodeOf(const ScriptedServer& server) { return "127.0.0.1:" + std::to_string(server.port()); }

    static std::unique_ptr<RedisLockStore> storeOn(const ScriptedServer& server)
    {
        return std::make_unique<RedisLockStore>(RedisOptions{.nodes = {nodeOf(server)}});
    }

    static void assertError(const ScriptedServer& server, const std::string& part)
    {
        try
        {
            storeOn(server)->prepare(CallContext::within(20s));
        }
        catch (const LockStoreUnavailable& problem)
        {
            CPPUNIT_FAIL("another attempt will not help: " + problem.message());
        }
        catch (const LockStoreError& problem)
        {
            CPPUNIT_ASSERT_MESSAGE(problem.message(), problem.message().find(part) != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(problem.message(), problem.message().find(nodeOf(server)) != std::string::npos);
            return;
        }
        CPPUNIT_FAIL("the server was not refused");
    }

    static std::string unavailability(RedisLockStore& store, Milliseconds limit)
    {
        try
        {
            store.prepare(CallContext::within(limit));
        }
        catch (const LockStoreUnavailable& problem)
        {
            return problem.message();
        }
        CPPUNIT_FAIL("the server is available");
        return {};
    }

public:
    void testServerThatIsTooOldIsRefused()
    {
        std::string old = hello;
        old.replace(old.find("7.0.15"), 6, "6.2.14");
        const ScriptedServer server(answering({old}));
        assertError(server, "it is Redis 6.2.14: use Redis 7.0 or newer or Valkey");
    }

    void testProxyWithoutHelloIsRefused()
    {
        const ScriptedServer server(answering({"-ERR unknown command 'HELLO', with args beginning with: '2'\r\n"}));
        assertError(server, "it refuses HELLO: it does not know the command");
    }

    void testServerWithoutRoleIsRefused()
    {
        const ScriptedServer server(answering({"*2\r\n$6\r\nserver\r\n$5\r\nredis\r\n"}));
        assertError(server, "its answer to HELLO does not name");
    }

    void testProxyWithoutScriptsIsRefused()
    {
        const ScriptedServer server(answering({hello, "-ERR unsupported command SCRIPT\r\n"}));
        assertError(server, "it refuses SCRIPT LOAD");
    }

    void testNewerSchemaIsRefused()
    {
        const ScriptedServer server(answering({hello, loaded() + "$1\r\n2\r\n"}));
        assertError(server, "was written by a newer version of Leasehold");
    }

    void testOtherProtocolIsUnavailable()
    {
        const ScriptedServer server(answering({"HTTP/1.1 400 Bad Request\r\n\r\n"}));
        const auto message = unavailability(*storeOn(server), 20s);
        CPPUNIT_ASSERT_MESSAGE(message, message.find("the answer is not one of Redis or Valkey") != std::string::npos);
    }

    void testDrippingServerEndsAtTheDeadline()
    {
        const ScriptedServer server(
            [](ScriptedServer::Conversation& conversation)
            {
                conversation.readAnything();
                conversation.drip(std::string("$1000\r\n") + std::string(1000, 'd'), 50ms);
            });
        const auto began = std::chrono::steady_clock::now();
        const auto message = unavailability(*storeOn(server), 500ms);
        CPPUNIT_ASSERT_MESSAGE(message, message.find("no answer in time; nothing was sent") != std::string::npos);
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < 10s);
    }

    void testNodesThatSendOneAroundAreUnavailable()
    {
        ScriptedServer server(answering({}));
        server.behave(answering({hello, loaded() + "-MOVED 866 " + nodeOf(server) + "\r\n"}));
        const auto message = unavailability(*storeOn(server), 20s);
        CPPUNIT_ASSERT_MESSAGE(message, message.find("do not agree which of them has the slot") != std::string::npos);
        CPPUNIT_ASSERT(server.connections() < 10);
    }

    /// A node that does not know its own address sends one to another port of the same host.
    void testSlotThatNeverArrivesIsUnavailable()
    {
        ScriptedServer server(answering({}));
        const auto moved = "-MOVED 866 :" + std::to_string(server.port()) + "\r\n";
        server.behave(answering({hello, loaded() + "$-1\r\n", moved + moved}));
        const auto message = unavailability(*storeOn(server), 20s);
        CPPUNIT_ASSERT_MESSAGE(message, message.find("another node of the cluster has the slot of the prefix") != std::string::npos);
        CPPUNIT_ASSERT(server.connections() < 10);
        server.behave(answering({hello, loaded() + moved}));
        const auto inCircles = unavailability(*storeOn(server), 20s);
        CPPUNIT_ASSERT_MESSAGE(inCircles, inCircles.find("do not agree which of them has the slot") != std::string::npos);
    }

    void testUnknownErrorIsToldByItsCode()
    {
        const ScriptedServer server(answering({hello, loaded() + "$-1\r\n", "-ODD with 'SECRET'\r\n-ODD\r\n"}));
        assertError(server, "refuses EVALSHA: it answers with the error ODD");
    }

    void testNonsenseAboutTheEraIsRefused()
    {
        const ScriptedServer server(answering({hello, loaded() + "$-1\r\n", "*0\r\n$0\r\n\r\n", "*1\r\n$1\r\nx\r\n"}));
        try
        {
            storeOn(server)->prepare(CallContext::within(20s));
            CPPUNIT_FAIL("it was not refused");
        }
        catch (const LockStoreError& problem)
        {
            CPPUNIT_ASSERT_MESSAGE(problem.message(), problem.message().find("makes no sense") != std::string::npos);
        }
    }

    void testSentinelThatNamesNoServerIsUnavailable()
    {
        const std::string sentinel =
            "*6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$4\r\nmode\r\n$8\r\nsentinel\r\n";
        const std::pair<const char*, const char*> answers[] = {
            {"-ERR odd\r\n", "the sentinel refuses to name the primary"},
            {"*2\r\n$1\r\nh\r\n$1\r\nx\r\n", "the answer of the sentinel names no server"},
            {"*2\r\n$0\r\n\r\n$1\r\n7\r\n", "the answer of the sentinel names no server"},
            {"+OK\r\n", "the answer of the sentinel names no server"},
            {"garbage\r\n", "the answer is not one of Redis or Valkey"},
        };
        for (const auto& [answer, told] : answers)
        {
            const ScriptedServer server(answering({sentinel, answer}));
            RedisLockStore store({.nodes = {nodeOf(server)}, .sentinel = "mine"});
            const auto message = unavailability(store, 20s);
            CPPUNIT_ASSERT_MESSAGE(message, message.find(told) != std::string::npos);
        }
    }

    void testEveryNodeThatFailedIsNamed()
    {
        const ScriptedServer first(answering({"garbage\r\n"}));
        ScriptedServer second(answering({}));
        second.stop();
        RedisLockStore store({.nodes = {nodeOf(first), nodeOf(second)}});
        const auto message = unavailability(store, 20s);
        for (const auto& node : {nodeOf(first), nodeOf(second)})
            CPPUNIT_ASSERT_MESSAGE(message, message.find(node + ": ") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(message, message.find("Connection refused") != std::string::npos);
    }

    struct Watched : ReleaseSink
    {
        void watching(const std::string&) override { ++confirmed; }
        void mayBeFree(const std::string&) override {}
        void lost(std::span<const LeaseRef>) override {}
        void deaf(const std::string&) override {}
        std::atomic<int> confirmed{0};
    };

    /// A release before the server has subscribed the feed is published to nobody, so a waiter must ask again after that.
    void testWatchIsConfirmedOnlyByTheServer()
    {
        std::atomic<bool> asked{false}, mayAnswer{false};
        const ScriptedServer server(
            [&](ScriptedServer::Conversation& conversation)
            {
                for (const auto& answer : {std::string(hello), loaded() + "$-1\r\n"})
                {
                    conversation.readAnything();
                    conversation.send(answer);
                }
                conversation.readAnything();
                asked = true;
                static_cast<void>(waitUntil([&] { return mayAnswer.load(); }, 1min));
                conversation.send("*3\r\n$9\r\nsubscribe\r\n$18\r\n{leasehold}:free:a\r\n:1\r\n");
                conversation.hang();
            });
        Watched sink;
        const auto store = storeOn(server);
        const auto feed = store->releaseFeed(sink);
        feed->watch("a");
        CPPUNIT_ASSERT(waitUntil([&] { return asked.load(); }, 1min));
        CPPUNIT_ASSERT_EQUAL(0, sink.confirmed.load());
        mayAnswer = true;
        CPPUNIT_ASSERT(waitUntil([&] { return sink.confirmed == 1; }, 1min));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisHandshakeTest);

} // namespace Leasehold
