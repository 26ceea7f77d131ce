#include "transportCalls.h"

#include <Poco/Net/HTTPClientSession.h>

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <thread>

namespace Leasehold::Net
{

using Conversation = ScriptedServer::Conversation;
using namespace std::chrono_literals;

/// HTTP requests to one node without faults.
class HttpTransportTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HttpTransportTest);
    CPPUNIT_TEST(testConnectionIsKeptAndUsedAgain);
    CPPUNIT_TEST(testConnectionClosedByTheNodeIsNotUsedAgain);
    CPPUNIT_TEST(testRequestArrivesComplete);
    CPPUNIT_TEST(testEmptyPostKeepsTheConnection);
    CPPUNIT_TEST(testBigRequestAndBigAnswerPass);
    CPPUNIT_TEST(testManyThreadsGetTheirOwnAnswers);
    CPPUNIT_TEST(testHostIsFoundByItsName);
    CPPUNIT_TEST(testShortNumericAddressWorksWithoutTls);
    CPPUNIT_TEST(testCompleteChunkedBodyIsAnAnswer);
    CPPUNIT_TEST(testTrailerIsNotTakenForTheNextAnswer);
    CPPUNIT_TEST(testAnswerOfAnyStatusIsAnAnswer);
    CPPUNIT_TEST(testProxyOfTheApplicationIsNotUsed);
    CPPUNIT_TEST_SUITE_END();

public:
    void testConnectionIsKeptAndUsedAgain()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({server.url()}));
        for (int call = 0; call < 5; ++call)
            CPPUNIT_ASSERT_EQUAL(std::string("{}"), post(transport).body);
        CPPUNIT_ASSERT_EQUAL(1, server.connections());
        CPPUNIT_ASSERT_EQUAL(5, server.requests());
    }

    void testConnectionClosedByTheNodeIsNotUsedAgain()
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
            // If the end of the connection has not arrived yet, the outcome is unknown; the request is never silently sent twice.
            try
            {
                post(transport);
            }
            catch (const CallFailure& failure)
            {
                assertUnknown(failure);
            }
        }
        CPPUNIT_ASSERT(server.requests() <= 5);
        CPPUNIT_ASSERT(server.connections() >= 2);
    }

    void testRequestArrivesComplete()
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
        {
            HttpTransport transport(options({server.url() + "/prefix"}));
            const auto answer = transport.send({"POST", "/i/_update/a%2Fb?x=1", "line\n", "application/x-ndjson", "token"}, within(20s));
            CPPUNIT_ASSERT_EQUAL(200, answer.status);
            CPPUNIT_ASSERT_EQUAL(server.url() + "/prefix", answer.node);
        }
        server.stop();
        CPPUNIT_ASSERT(head.find("POST /prefix/i/_update/a%2Fb?x=1 HTTP/1.1\r\n") == 0);
        CPPUNIT_ASSERT(head.find("Host: 127.0.0.1:" + std::to_string(server.port())) != std::string::npos);
        CPPUNIT_ASSERT(head.find("Content-Type: application/x-ndjson") != std::string::npos);
        CPPUNIT_ASSERT(head.find("Authorization: token\r\n") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("line\n"), body);
    }

    void testEmptyPostKeepsTheConnection()
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

    void testBigRequestAndBigAnswerPass()
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

    void testHostIsFoundByItsName()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({"http://localhost:" + std::to_string(server.port())}));
        CPPUNIT_ASSERT_EQUAL(200, post(transport).status);
        // If the addresses of a host do not answer, the next call looks it up again.
        server.stop();
        assertNotSent(failureOf([&] { post(transport); }));
        server.listenAgain();
        CPPUNIT_ASSERT_EQUAL(200, post(transport).status);
    }

    void testShortNumericAddressWorksWithoutTls()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({"http://127.1:" + std::to_string(server.port())}));
        CPPUNIT_ASSERT_EQUAL(200, post(transport).status);
    }

    void testCompleteChunkedBodyIsAnAnswer()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                while (conversation.readRequest())
                    conversation.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n");
            });
        HttpTransport transport(options({server.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"), post(transport).body);
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"), post(transport).body);
        CPPUNIT_ASSERT_EQUAL(1, server.connections());
    }

    void testTrailerIsNotTakenForTheNextAnswer()
    {
        for (const std::string announcement : {"Trailer: Checksum\r\n", ""})
        {
            ScriptedServer server(
                [&announcement](Conversation& conversation)
                {
                    while (conversation.readRequest())
                        conversation.send("HTTP/1.1 404 Not Found\r\n" + announcement +
                                          "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nChecksum: 17\r\n\r\n");
                });
            HttpTransport transport(options({server.url()}));
            for (int i = 0; i < 3; ++i)
            {
                const auto answer = post(transport);
                CPPUNIT_ASSERT_EQUAL(404, answer.status);
                CPPUNIT_ASSERT_EQUAL(std::string("{}"), answer.body);
            }
        }
    }

    void testAnswerOfAnyStatusIsAnAnswer()
    {
        for (const int status : {200, 401, 404, 413, 429, 500, 503})
        {
            ScriptedServer server(ScriptedServer::answering(status, "<html>", "text/html"));
            HttpTransport transport(options({server.url()}));
            const auto answer = post(transport);
            CPPUNIT_ASSERT_EQUAL(status, answer.status);
            CPPUNIT_ASSERT_EQUAL(std::string("text/html"), answer.contentType);
        }
    }

    void testProxyOfTheApplicationIsNotUsed()
    {
        std::string head;
        ScriptedServer server(
            [&head](Conversation& conversation)
            {
                if (!conversation.readRequest())
                    return;
                head = conversation.head();
                conversation.answer(200, "{}");
            });
        Poco::Net::HTTPClientSession session; // it has the global proxy
        auto proxy = session.getProxyConfig();
        const auto before = proxy;
        proxy.host = "proxy.invalid";
        Poco::Net::HTTPClientSession::setGlobalProxyConfig(proxy);
        int status = 0;
        {
            HttpTransport transport(options({server.url()}));
            status = post(transport).status;
        }
        Poco::Net::HTTPClientSession::setGlobalProxyConfig(before);
        server.stop();
        CPPUNIT_ASSERT_EQUAL(200, status);
        CPPUNIT_ASSERT_MESSAGE(head, head.starts_with("POST /x HTTP/1.1\r\n"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpTransportTest);

} // namespace Leasehold::Net
