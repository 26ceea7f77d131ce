#include "HttpTransport.h"
#include "ScriptedServer.h"
#include "TestCertificates.h"
#include "TlsTestServer.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <functional>
#include <latch>

namespace Leasehold
{

using Conversation = ScriptedServer::Conversation;
using namespace std::chrono_literals;

class HttpTransportTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HttpTransportTest);
    CPPUNIT_TEST(testAConnectionIsKeptAndUsedAgain);
    CPPUNIT_TEST(testAConnectionThatTheNodeHasClosedIsNotUsedAgain);
    CPPUNIT_TEST(testARequestArrivesAsItWasMeant);
    CPPUNIT_TEST(testAnEmptyPostKeepsTheConnection);
    CPPUNIT_TEST(testABigRequestAndABigAnswerPass);
    CPPUNIT_TEST(testManyThreadsGetTheirOwnAnswers);
    CPPUNIT_TEST(testAnApiKeyIsSent);
    CPPUNIT_TEST(testAHangingNodeIsLeftAtTheDeadline);
    CPPUNIT_TEST(testADrippedHeadIsLeftAtTheDeadline);
    CPPUNIT_TEST(testADrippedBodyIsLeftAtTheDeadline);
    CPPUNIT_TEST(testAHangingCallCanBeCancelled);
    CPPUNIT_TEST(testACancelledCallIsNotSent);
    CPPUNIT_TEST(testACallWithoutTimeIsNotSent);
    CPPUNIT_TEST(testANodeThatIsNotThereHasNotSeenTheRequest);
    CPPUNIT_TEST(testAHostThatIsNotThereHasNotSeenTheRequest);
    CPPUNIT_TEST(testAHostIsFoundByItsName);
    CPPUNIT_TEST(testAResetAfterTheRequestLeavesItsOutcomeUnknown);
    CPPUNIT_TEST(testAClosedConnectionAfterTheRequestLeavesItsOutcomeUnknown);
    CPPUNIT_TEST(testANodeThatResetsWhileWeSendDoesNotKillUs);
    CPPUNIT_TEST(testACutBodyIsNoAnswer);
    CPPUNIT_TEST(testACutChunkedBodyIsNoAnswer);
    CPPUNIT_TEST(testAWholeChunkedBodyIsAnAnswer);
    CPPUNIT_TEST(testABodyWithoutALengthIsNoAnswer);
    CPPUNIT_TEST(testATooLongBodyIsNoAnswer);
    CPPUNIT_TEST(testWhatIsNotHttpIsNoAnswer);
    CPPUNIT_TEST(testAnAnswerWithAnyStatusIsAnAnswer);
    CPPUNIT_TEST(testTheNextNodeGetsWhatTheFirstHasNotSeen);
    CPPUNIT_TEST(testWhatANodeMayHaveSeenIsNotSentToTheNext);
    CPPUNIT_TEST(testAnAilingNodeIsLeftForTheNext);
    CPPUNIT_TEST(testANodeThatRecoveredIsUsedAgain);
    CPPUNIT_TEST(testRequestsThatFailTogetherCountAsOneFailure);
    CPPUNIT_TEST(testANodeThatSwallowsTheConnectionLeavesTimeForTheNext);
    CPPUNIT_TEST(testATrustedCertificateIsAccepted);
    CPPUNIT_TEST(testAnUnknownAuthorityIsRefusedForGood);
    CPPUNIT_TEST(testACertificateForAnotherHostIsRefused);
    CPPUNIT_TEST(testTlsToAPlainPortFails);
    CPPUNIT_TEST(testAPortThatAnswersTlsInPlainTextIsToldSo);
    CPPUNIT_TEST(testANodeThatClosesDuringTheTlsHandshakeHasNotSeenTheRequest);
    CPPUNIT_TEST(testAHangingTlsHandshakeIsLeftAtTheDeadline);
    CPPUNIT_TEST(testACaFileThatIsNoneIsAConfigurationError);
    CPPUNIT_TEST_SUITE_END();

    static HttpTransport::Options options(const std::vector<std::string>& urls)
    {
        HttpTransport::Options result;
        for (const auto& url : urls)
            result.nodes.push_back(HttpNode::parse(url, "url"));
        result.keyPrefix = "test.";
        return result;
    }

    static CallLimit within(std::chrono::milliseconds limit, std::stop_token cancel = {})
    {
        return {std::chrono::steady_clock::now() + limit, std::move(cancel)};
    }

    static HttpAnswer get(HttpTransport& transport, std::chrono::milliseconds limit = 20s)
    {
        return transport.send({"POST", "/x", R"({"a":1})"}, within(limit));
    }

    /// What a call fails with; the test fails if it does not.
    static HttpFailure failureOf(const std::function<void()>& call)
    {
        try
        {
            call();
        }
        catch (const HttpFailure& failure)
        {
            return failure;
        }
        CPPUNIT_FAIL("the call did not fail");
        throw std::logic_error("not reached");
    }

    static HttpFailure failureOf(ScriptedServer& server, std::chrono::milliseconds limit = 20s)
    {
        HttpTransport transport(options({server.url()}));
        return failureOf([&] { get(transport, limit); });
    }

    static void assertUnknown(const HttpFailure& failure)
    {
        CPPUNIT_ASSERT_MESSAGE(failure.what(), failure.outcome() == HttpFailure::Outcome::unknown);
    }

    static void assertNotSent(const HttpFailure& failure)
    {
        CPPUNIT_ASSERT_MESSAGE(failure.what(), failure.outcome() == HttpFailure::Outcome::notSent);
    }

    /// Runs a call that must end long before the 10 s that the others would take.
    static void assertSoon(const std::function<void()>& call)
    {
        const auto start = std::chrono::steady_clock::now();
        call();
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - start < 8s);
    }

    static void answerOnce(Conversation& conversation, const std::string& text)
    {
        if (conversation.readRequest())
            conversation.send(text);
    }

public:
    void testAConnectionIsKeptAndUsedAgain()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({server.url()}));
        for (int call = 0; call < 5; ++call)
            CPPUNIT_ASSERT_EQUAL(std::string("{}"), get(transport).body);
        CPPUNIT_ASSERT_EQUAL(1, server.connections());
        CPPUNIT_ASSERT_EQUAL(5, server.requests());
    }

    void testAConnectionThatTheNodeHasClosedIsNotUsedAgain()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                if (conversation.readRequest())
                    conversation.answer(200, "{}");
            });
        HttpTransport transport(options({server.url()}));
        for (int call = 0; call < 5; ++call)
        {
            // The end of the connection may be on its way still: then the outcome is unknown, and never silently sent twice.
            try
            {
                get(transport);
            }
            catch (const HttpFailure& failure)
            {
                assertUnknown(failure);
            }
        }
        CPPUNIT_ASSERT(server.requests() <= 5);
        CPPUNIT_ASSERT(server.connections() >= 2);
    }

    void testARequestArrivesAsItWasMeant()
    {
        std::string head;
        std::string body;
        ScriptedServer server(
            [&](Conversation& conversation)
            {
                if (!conversation.readRequest())
                    return;
                head = conversation.head();
                body = conversation.body();
                conversation.answer(200, "{}");
            });
        auto with = options({server.url() + "/prefix"});
        with.user = "me";
        with.password = "open:sesame";
        {
            HttpTransport transport(with);
            const auto answer = transport.send({"POST", "/i/_update/a%2Fb?x=1", "line\n", "application/x-ndjson"}, within(20s));
            CPPUNIT_ASSERT_EQUAL(200, answer.status);
            CPPUNIT_ASSERT_EQUAL(server.url() + "/prefix", answer.node);
        }
        server.stop();
        CPPUNIT_ASSERT(head.find("POST /prefix/i/_update/a%2Fb?x=1 HTTP/1.1\r\n") == 0);
        CPPUNIT_ASSERT(head.find("Host: 127.0.0.1:" + std::to_string(server.port())) != std::string::npos);
        CPPUNIT_ASSERT(head.find("Content-Type: application/x-ndjson") != std::string::npos);
        CPPUNIT_ASSERT(head.find("Authorization: Basic bWU6b3BlbjpzZXNhbWU=") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("line\n"), body);
    }

    void testAnEmptyPostKeepsTheConnection()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                while (conversation.readRequest())
                    conversation.answer(conversation.head().find("Content-Length: 0") != std::string::npos ? 200 : 411, "{}");
            });
        HttpTransport transport(options({server.url()}));
        for (int call = 0; call < 3; ++call)
            CPPUNIT_ASSERT_EQUAL(200, transport.send({"POST", "/_refresh"}, within(20s)).status);
        CPPUNIT_ASSERT_EQUAL(1, server.connections());
    }

    void testABigRequestAndABigAnswerPass()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                while (conversation.readRequest())
                    conversation.answer(200, conversation.body());
            });
        HttpTransport transport(options({server.url()}));
        for (const std::size_t size : {std::size_t{1}, std::size_t{2999}, std::size_t{3001}, std::size_t{4096}, std::size_t{3'000'000}})
        {
            const std::string body(size, 'b');
            CPPUNIT_ASSERT(transport.send({"POST", "/", body}, within(30s)).body == body);
        }
    }

    void testManyThreadsGetTheirOwnAnswers()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                while (conversation.readRequest())
                    conversation.answer(200, conversation.body());
            });
        HttpTransport transport(options({server.url()}));
        std::atomic<int> wrong{0};
        {
            std::vector<std::jthread> threads;
            for (int thread = 0; thread < 8; ++thread)
            {
                threads.emplace_back(
                    [&, thread]
                    {
                        for (int call = 0; call < 50; ++call)
                        {
                            const std::string body = std::to_string(thread) + "/" + std::to_string(call);
                            wrong += transport.send({"POST", "/", body}, within(30s)).body == body ? 0 : 1;
                        }
                    });
            }
        }
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
        CPPUNIT_ASSERT(server.connections() <= 8);
    }

    void testAnApiKeyIsSent()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                if (conversation.readRequest())
                    conversation.answer(conversation.head().find("Authorization: ApiKey a2V5") != std::string::npos ? 200 : 401, "{}");
            });
        auto with = options({server.url()});
        with.apiKey = "a2V5";
        HttpTransport transport(with);
        CPPUNIT_ASSERT_EQUAL(200, get(transport).status);
    }

    void testAHangingNodeIsLeftAtTheDeadline()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.hang(); });
        assertSoon([&] { assertUnknown(failureOf(server, 300ms)); });
    }

    void testADrippedHeadIsLeftAtTheDeadline()
    {
        ScriptedServer server([](Conversation& conversation)
                              { conversation.drip("HTTP/1.1 200 OK\r\nx: " + std::string(5000, 'y'), 50ms); });
        assertSoon([&] { assertUnknown(failureOf(server, 400ms)); });
    }

    void testADrippedBodyIsLeftAtTheDeadline()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                answerOnce(conversation, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
                conversation.drip(std::string(5000, 'y'), 50ms);
            });
        assertSoon([&] { assertUnknown(failureOf(server, 400ms)); });
    }

    void testAHangingCallCanBeCancelled()
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

    void testACancelledCallIsNotSent()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({server.url()}));
        std::stop_source source;
        source.request_stop();
        assertNotSent(failureOf([&] { transport.send({"GET", "/"}, within(60s, source.get_token())); }));
        CPPUNIT_ASSERT_EQUAL(0, server.requests());
    }

    void testACallWithoutTimeIsNotSent()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({server.url()}));
        assertNotSent(failureOf([&] { get(transport, 0ms); }));
        CPPUNIT_ASSERT_EQUAL(0, server.requests());
    }

    void testANodeThatIsNotThereHasNotSeenTheRequest()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        server.stop();
        const auto failure = failureOf(server);
        assertNotSent(failure);
        CPPUNIT_ASSERT(std::string(failure.what()).find(server.url()) != std::string::npos);
        CPPUNIT_ASSERT(!failure.isPermanent());
    }

    void testAHostThatIsNotThereHasNotSeenTheRequest()
    {
        HttpTransport transport(options({"http://no-such-host.invalid:9200"}));
        assertSoon([&] { assertNotSent(failureOf([&] { get(transport, 3s); })); });
    }

    void testAHostIsFoundByItsName()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({"http://localhost:" + std::to_string(server.port())}));
        CPPUNIT_ASSERT_EQUAL(200, get(transport).status);
        // Where its addresses do not answer, it is looked up anew the next time.
        server.stop();
        assertNotSent(failureOf([&] { get(transport); }));
        server.listenAgain();
        CPPUNIT_ASSERT_EQUAL(200, get(transport).status);
    }

    void testAResetAfterTheRequestLeavesItsOutcomeUnknown()
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

    void testAClosedConnectionAfterTheRequestLeavesItsOutcomeUnknown()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.readRequest(); });
        assertUnknown(failureOf(server));
        CPPUNIT_ASSERT_EQUAL(1, server.requests());
    }

    void testANodeThatResetsWhileWeSendDoesNotKillUs()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.reset(); });
        bool failed = false;
        std::thread(
            [&]
            {
                // POCO blocks SIGPIPE in the main thread; another thread must not depend on that.
                sigset_t pipe;
                ::sigemptyset(&pipe);
                ::sigaddset(&pipe, SIGPIPE);
                ::pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
                HttpTransport transport(options({server.url()}));
                try
                {
                    transport.send({"POST", "/", std::string(20'000'000, 'x')}, within(20s));
                }
                catch (const HttpFailure&)
                {
                    failed = true;
                }
            })
            .join();
        CPPUNIT_ASSERT(failed);
    }

    void testACutBodyIsNoAnswer()
    {
        ScriptedServer server([](Conversation& conversation)
                              { answerOnce(conversation, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"a\":"); });
        assertUnknown(failureOf(server));
    }

    void testACutChunkedBodyIsNoAnswer()
    {
        for (const std::string body : {"5\r\n{\"a\":", "5\r\n{\"a\":\r\n", "5\r\n{\"a\":\r\n2\r\n1}", "a\r\n{\"a\":", "7\r\n{\"a\":1}\r\n"})
        {
            ScriptedServer server([&body](Conversation& conversation)
                                  { answerOnce(conversation, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body); });
            assertUnknown(failureOf(server));
        }
    }

    void testAWholeChunkedBodyIsAnAnswer()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                while (conversation.readRequest())
                    conversation.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n");
            });
        HttpTransport transport(options({server.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"), get(transport).body);
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"), get(transport).body);
        CPPUNIT_ASSERT_EQUAL(1, server.connections());
    }

    void testABodyWithoutALengthIsNoAnswer()
    {
        ScriptedServer server([](Conversation& conversation) { answerOnce(conversation, "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}"); });
        assertUnknown(failureOf(server));
    }

    void testATooLongBodyIsNoAnswer()
    {
        const std::string body(5000, 'x');
        for (const std::string head : {"Content-Length: 5000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1388\r\n"})
        {
            ScriptedServer server([&](Conversation& conversation)
                                  { answerOnce(conversation, "HTTP/1.1 200 OK\r\n" + head + body + "\r\n0\r\n\r\n"); });
            auto with = options({server.url()});
            with.mostBody = 1000;
            HttpTransport transport(with);
            const auto failure = failureOf([&] { get(transport); });
            assertUnknown(failure);
            CPPUNIT_ASSERT(std::string(failure.what()).find("longer than 1000") != std::string::npos);
        }
    }

    void testWhatIsNotHttpIsNoAnswer()
    {
        for (const std::string text : {"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 twohundred OK\r\n\r\n", "\r\n\r\n\r\n"})
        {
            ScriptedServer server([&text](Conversation& conversation) { answerOnce(conversation, text); });
            assertUnknown(failureOf(server));
        }
    }

    void testAnAnswerWithAnyStatusIsAnAnswer()
    {
        for (const int status : {200, 401, 404, 413, 429, 500, 503})
        {
            ScriptedServer server(ScriptedServer::answering(status, "<html>", "text/html"));
            HttpTransport transport(options({server.url()}));
            const auto answer = get(transport);
            CPPUNIT_ASSERT_EQUAL(status, answer.status);
            CPPUNIT_ASSERT_EQUAL(std::string("text/html"), answer.contentType);
        }
    }

    void testTheNextNodeGetsWhatTheFirstHasNotSeen()
    {
        ScriptedServer first(ScriptedServer::answering(200, "1"));
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        first.stop();
        HttpTransport transport(options({first.url(), second.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("2"), get(transport).body);
        second.stop();
        const auto failure = failureOf([&] { get(transport); });
        assertNotSent(failure);
        CPPUNIT_ASSERT(std::string(failure.what()).find(first.url()) != std::string::npos);
        CPPUNIT_ASSERT(std::string(failure.what()).find(second.url()) != std::string::npos);
    }

    void testWhatANodeMayHaveSeenIsNotSentToTheNext()
    {
        ScriptedServer first([](Conversation& conversation) { conversation.readRequest(); });
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({first.url(), second.url()}));
        assertUnknown(failureOf([&] { get(transport); }));
        CPPUNIT_ASSERT_EQUAL(0, second.requests());
        CPPUNIT_ASSERT_EQUAL(std::string("2"), get(transport).body);
    }

    void testAnAilingNodeIsLeftForTheNext()
    {
        ScriptedServer first(ScriptedServer::answering(503, "{}"));
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({first.url(), second.url()}));
        CPPUNIT_ASSERT_EQUAL(503, get(transport).status);
        CPPUNIT_ASSERT_EQUAL(200, get(transport).status);
        CPPUNIT_ASSERT_EQUAL(200, get(transport).status);
        CPPUNIT_ASSERT_EQUAL(1, first.requests());
    }

    void testANodeThatRecoveredIsUsedAgain()
    {
        ScriptedServer first(ScriptedServer::answering(200, "1"));
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({first.url(), second.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("1"), get(transport).body);
        first.stop();
        for (std::string body; body != "2";)
        {
            try
            {
                body = get(transport).body;
            }
            catch (const HttpFailure& failure)
            {
                assertUnknown(failure); // the connection in the pool
            }
        }
        first.listenAgain();
        second.stop();
        for (std::string body; body != "1";)
        {
            try
            {
                body = get(transport).body;
            }
            catch (const HttpFailure& failure)
            {
                assertUnknown(failure);
            }
        }
    }

    void testRequestsThatFailTogetherCountAsOneFailure()
    {
        constexpr int together = 8;
        std::latch arrived(together);
        std::atomic<bool> recovered{false};
        ScriptedServer first(
            [&](Conversation& conversation)
            {
                while (conversation.readRequest())
                {
                    if (recovered)
                    {
                        conversation.answer(200, "1");
                        continue;
                    }
                    arrived.arrive_and_wait();
                    conversation.answer(503, "{}");
                }
            });
        ScriptedServer second(ScriptedServer::answering(503, "{}"));
        HttpTransport transport(options({first.url(), second.url()}));
        {
            std::vector<std::jthread> threads;
            for (int thread = 0; thread < together; ++thread)
                threads.emplace_back([&transport] { get(transport); });
        }
        recovered = true;
        // While the first rests, the second is asked. Its failure is the later one, so the first is the next to be asked; after eight
        // failures it would rest for half a minute.
        if (get(transport).status == 503)
            CPPUNIT_ASSERT_EQUAL(std::string("1"), get(transport).body);
    }

    void testANodeThatSwallowsTheConnectionLeavesTimeForTheNext()
    {
        // A TLS handshake that nobody answers hangs as a connection to a dead machine does.
        ScriptedServer first([](Conversation& conversation) { conversation.hang(); });
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(first.port()), second.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("2"), get(transport, 2s).body);
    }

    void testATrustedCertificateIsAccepted()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const TlsTestServer server(certificates);
        auto with = options({server.url()});
        with.caFile = certificates.caFile();
        HttpTransport transport(with);
        for (int call = 0; call < 3; ++call)
            CPPUNIT_ASSERT_EQUAL(std::string(R"({"result":"noop"})"), get(transport).body);
        CPPUNIT_ASSERT_EQUAL(200, transport.send({"POST", "/", std::string(200'000, 'x')}, within(20s)).status);
    }

    void testAnUnknownAuthorityIsRefusedForGood()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const TestCertificates others("IP:127.0.0.1");
        const TlsTestServer server(certificates);
        for (const std::string& authority : {std::string(), others.caFile()})
        {
            auto with = options({server.url()});
            with.caFile = authority;
            HttpTransport transport(with);
            const auto failure = failureOf([&] { get(transport); });
            assertNotSent(failure);
            CPPUNIT_ASSERT(failure.isPermanent());
            CPPUNIT_ASSERT(std::string(failure.what()).find("certificate") != std::string::npos);
        }
    }

    void testACertificateForAnotherHostIsRefused()
    {
        const TestCertificates certificates("DNS:example.org");
        const TlsTestServer server(certificates);
        for (const std::string host : {"127.0.0.1", "localhost"})
        {
            auto with = options({server.url(host)});
            with.caFile = certificates.caFile();
            HttpTransport transport(with);
            const auto failure = failureOf([&] { get(transport); });
            assertNotSent(failure);
            CPPUNIT_ASSERT(failure.isPermanent());
        }
    }

    void testTlsToAPlainPortFails()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(server.port())}));
        assertSoon([&] { assertNotSent(failureOf([&] { get(transport, 2s); })); });
    }

    void testAPortThatAnswersTlsInPlainTextIsToldSo()
    {
        ScriptedServer server([](Conversation& conversation)
                              { conversation.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"); });
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(server.port())}));
        const auto failure = failureOf([&] { get(transport); });
        assertNotSent(failure);
        CPPUNIT_ASSERT_MESSAGE(failure.what(), std::string(failure.what()).find("is it an https port?") != std::string::npos);
    }

    void testANodeThatClosesDuringTheTlsHandshakeHasNotSeenTheRequest()
    {
        // The other side of what is closed before all was read sees a reset; else an end.
        for (const bool politely : {false, true})
        {
            ScriptedServer server(
                [politely](Conversation& conversation)
                {
                    if (politely)
                        conversation.readAnything();
                    conversation.close();
                });
            HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(server.port())}));
            assertNotSent(failureOf([&] { get(transport); }));
        }
    }

    void testAHangingTlsHandshakeIsLeftAtTheDeadline()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.hang(); });
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(server.port())}));
        assertSoon([&] { assertNotSent(failureOf([&] { get(transport, 300ms); })); });
    }

    void testACaFileThatIsNoneIsAConfigurationError()
    {
        for (const std::string file : {"/nowhere/ca.pem", "/dev/null"})
        {
            auto with = options({"https://127.0.0.1:1"});
            with.caFile = file;
            try
            {
                HttpTransport transport(with);
                CPPUNIT_FAIL("accepted");
            }
            catch (const LockConfigurationError& error)
            {
                CPPUNIT_ASSERT(error.message().find("test.ca_file") != std::string::npos);
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpTransportTest);

} // namespace Leasehold
