#include "transportCalls.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <latch>
#include <thread>

namespace Leasehold::Net
{

using Conversation = ScriptedServer::Conversation;
using namespace std::chrono_literals;

/// A node that gives no answer: the failure tells whether the node may have seen the request, and every call ends in time.
class HttpFailuresTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HttpFailuresTest);
    CPPUNIT_TEST(testHangingNodeIsLeftAtTheDeadline);
    CPPUNIT_TEST(testDrippedHeadIsLeftAtTheDeadline);
    CPPUNIT_TEST(testDrippedBodyIsLeftAtTheDeadline);
    CPPUNIT_TEST(testHangingCallCanBeCancelled);
    CPPUNIT_TEST(testCancelledCallIsNotSent);
    CPPUNIT_TEST(testCallWithoutTimeIsNotSent);
    CPPUNIT_TEST(testRequestToStoppedNodeIsNotSent);
    CPPUNIT_TEST(testRequestToUnknownHostIsNotSent);
    CPPUNIT_TEST(testResetAfterTheRequestIsUnknown);
    CPPUNIT_TEST(testCloseAfterTheRequestIsUnknown);
    CPPUNIT_TEST(testResetWhileSendingRaisesNoSignal);
    CPPUNIT_TEST(testCutBodyIsUnknown);
    CPPUNIT_TEST(testCutChunkedBodyIsUnknown);
    CPPUNIT_TEST(testBodyWithoutLengthIsUnknown);
    CPPUNIT_TEST(testTooLongBodyIsUnknown);
    CPPUNIT_TEST(testAnswerThatIsNotHttpIsUnknown);
    CPPUNIT_TEST_SUITE_END();

public:
    void testHangingNodeIsLeftAtTheDeadline()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.hang(); });
        assertSoon([&] { assertUnknown(failureOf(server, 300ms)); });
    }

    void testDrippedHeadIsLeftAtTheDeadline()
    {
        ScriptedServer server([](Conversation& conversation)
                              { conversation.drip("HTTP/1.1 200 OK\r\nx: " + std::string(5000, 'y'), 50ms); });
        assertSoon([&] { assertUnknown(failureOf(server, 400ms)); });
    }

    void testDrippedBodyIsLeftAtTheDeadline()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                answerOnce(conversation, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
                conversation.drip(std::string(5000, 'y'), 50ms);
            });
        assertSoon([&] { assertUnknown(failureOf(server, 400ms)); });
    }

    void testHangingCallCanBeCancelled()
    {
        std::latch arrived(1);
        ScriptedServer server(
            [&arrived](Conversation& conversation)
            {
                if (conversation.readRequest())
                    arrived.count_down();
                conversation.hang();
            });
        HttpTransport transport(options({server.url()}));
        std::stop_source source;
        const std::jthread canceller(
            [&]
            {
                arrived.wait();
                source.request_stop();
            });
        assertSoon(
            [&]
            {
                const auto failure = failureOf([&] { transport.send({"GET", "/"}, within(60s, source.get_token())); });
                assertUnknown(failure);
                CPPUNIT_ASSERT(std::string(failure.what()).find("cancelled") != std::string::npos);
            });
    }

    void testCancelledCallIsNotSent()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({server.url()}));
        std::stop_source source;
        source.request_stop();
        assertNotSent(failureOf([&] { transport.send({"GET", "/"}, within(60s, source.get_token())); }));
        CPPUNIT_ASSERT_EQUAL(0, server.requests());
    }

    void testCallWithoutTimeIsNotSent()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({server.url()}));
        assertNotSent(failureOf([&] { post(transport, 0ms); }));
        CPPUNIT_ASSERT_EQUAL(0, server.requests());
    }

    void testRequestToStoppedNodeIsNotSent()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        server.stop();
        const auto failure = failureOf(server);
        assertNotSent(failure);
        CPPUNIT_ASSERT(std::string(failure.what()).find(server.url()) != std::string::npos);
        CPPUNIT_ASSERT(!failure.isPermanent());
    }

    void testRequestToUnknownHostIsNotSent()
    {
        HttpTransport transport(options({"http://no-such-host.invalid:9200"}));
        assertSoon([&] { assertNotSent(failureOf([&] { post(transport, 3s); })); });
    }

    void testResetAfterTheRequestIsUnknown()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                conversation.readRequest();
                conversation.reset();
            });
        assertUnknown(failureOf(server));
        CPPUNIT_ASSERT_EQUAL(1, server.requests());
    }

    void testCloseAfterTheRequestIsUnknown()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.readRequest(); });
        assertUnknown(failureOf(server));
        CPPUNIT_ASSERT_EQUAL(1, server.requests());
    }

    void testResetWhileSendingRaisesNoSignal()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.reset(); });
        bool failed = false;
        std::thread(
            [&]
            {
                // POCO blocks SIGPIPE in the main thread, but another thread must not rely on that.
                sigset_t pipe;
                ::sigemptyset(&pipe);
                ::sigaddset(&pipe, SIGPIPE);
                ::pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
                HttpTransport transport(options({server.url()}));
                try
                {
                    transport.send({"POST", "/", std::string(20'000'000, 'x')}, within(20s));
                }
                catch (const CallFailure&)
                {
                    failed = true;
                }
            })
            .join();
        CPPUNIT_ASSERT(failed);
    }

    void testCutBodyIsUnknown()
    {
        ScriptedServer server([](Conversation& conversation)
                              { answerOnce(conversation, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"a\":"); });
        assertUnknown(failureOf(server));
    }

    void testCutChunkedBodyIsUnknown()
    {
        for (const std::string body : {"5\r\n{\"a\":", "5\r\n{\"a\":\r\n", "5\r\n{\"a\":\r\n2\r\n1}", "a\r\n{\"a\":", "7\r\n{\"a\":1}\r\n"})
        {
            ScriptedServer server([&body](Conversation& conversation)
                                  { answerOnce(conversation, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body); });
            assertUnknown(failureOf(server));
        }
    }

    void testBodyWithoutLengthIsUnknown()
    {
        ScriptedServer server([](Conversation& conversation) { answerOnce(conversation, "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}"); });
        assertUnknown(failureOf(server));
    }

    void testTooLongBodyIsUnknown()
    {
        const std::string body(5000, 'x');
        for (const std::string head : {"Content-Length: 5000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1388\r\n"})
        {
            ScriptedServer server([&](Conversation& conversation)
                                  { answerOnce(conversation, "HTTP/1.1 200 OK\r\n" + head + body + "\r\n0\r\n\r\n"); });
            auto with = options({server.url()});
            with.maxBody = 1000;
            HttpTransport transport(with);
            const auto failure = failureOf([&] { post(transport); });
            assertUnknown(failure);
            CPPUNIT_ASSERT(std::string(failure.what()).find("longer than 1000") != std::string::npos);
        }
    }

    void testAnswerThatIsNotHttpIsUnknown()
    {
        for (const std::string text : {"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 twohundred OK\r\n\r\n", "\r\n\r\n\r\n"})
        {
            ScriptedServer server([&text](Conversation& conversation) { answerOnce(conversation, text); });
            assertUnknown(failureOf(server));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpFailuresTest);

} // namespace Leasehold::Net
