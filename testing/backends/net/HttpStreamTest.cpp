#include "transportCalls.h"

#include <cppunit/extensions/HelperMacros.h>

#include <latch>
#include <sstream>
#include <thread>

namespace Leasehold::Net
{

using Conversation = ScriptedServer::Conversation;
using namespace std::chrono_literals;

/// Endless answers that come line by line.
class HttpStreamTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HttpStreamTest);
    CPPUNIT_TEST(testLinesAreReadAsTheyCome);
    CPPUNIT_TEST(testReadThatMeetsItsDeadlineLosesNothing);
    CPPUNIT_TEST(testCancelledReadLosesNothing);
    CPPUNIT_TEST(testAnswerThatEndsIsOver);
    CPPUNIT_TEST(testErrorWithALengthIsRead);
    CPPUNIT_TEST(testLostConnectionFails);
    CPPUNIT_TEST(testMalformedChunkFails);
    CPPUNIT_TEST(testTooLongLineFails);
    CPPUNIT_TEST(testAnswerWithoutChunksAndLengthFails);
    CPPUNIT_TEST(testAnswerThatIsNotHttpFails);
    CPPUNIT_TEST(testEndlessHeadFails);
    CPPUNIT_TEST(testHangingHeadIsLeftAtTheDeadline);
    CPPUNIT_TEST(testUnsentRequestGoesToTheNextNode);
    CPPUNIT_TEST(testRequestCarriesItsOwnAuthorization);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

    static std::string chunk(const std::string& text)
    {
        std::ostringstream out;
        out << std::hex << text.size() << "\r\n" << text << "\r\n";
        return out.str();
    }

    /// A server that reads the request, sends this text and hangs.
    static ScriptedServer::Behaviour sending(const std::string& text)
    {
        return [text](Conversation& conversation)
        {
            answerOnce(conversation, text);
            conversation.hang();
        };
    }

    struct Opened
    {
        explicit Opened(const ScriptedServer& server, std::size_t maxBody = 1'000'000) : transport(with(server, maxBody)) {}

        static HttpTransport::Options with(const ScriptedServer& server, std::size_t maxBody)
        {
            auto result = options({server.url()});
            result.maxBody = maxBody;
            return result;
        }

        HttpTransport transport;
        std::unique_ptr<HttpStream> stream = transport.openStream({"POST", "/v3/watch", "{}"}, within(20s));
    };

    static std::string line(HttpStream& stream) { return stream.readLine(within(20s)).value_or("no line"); }

    static CallFailure failureOfRead(const std::string& text, std::size_t maxBody = 1'000'000, bool closes = false)
    {
        ScriptedServer server(
            [&](Conversation& conversation)
            {
                answerOnce(conversation, head + text);
                if (!closes)
                    conversation.hang();
            });
        // Opening the stream also reads a first chunk that comes with the head.
        const auto failure = failureOf(
            [&]
            {
                Opened opened(server, maxBody);
                opened.stream->readLine(within(20s));
            });
        assertUnknown(failure);
        return failure;
    }

    static CallFailure failureOfOpen(const ScriptedServer::Behaviour& behaviour, Milliseconds limit = 20s)
    {
        ScriptedServer server(behaviour);
        HttpTransport transport(options({server.url()}));
        return failureOf([&] { transport.openStream({"GET", "/"}, within(limit)); });
    }

public:
    void testLinesAreReadAsTheyCome()
    {
        std::latch read(1);
        ScriptedServer server(
            [&read](Conversation& conversation)
            {
                answerOnce(conversation, head + chunk("{\"created\":true}\n"));
                read.wait();
                conversation.send(chunk("{\"a\":1}\n{\"b\"") + chunk(":2}\n"));
                conversation.hang();
            });
        Opened opened(server);
        CPPUNIT_ASSERT_EQUAL(200, opened.stream->status());
        CPPUNIT_ASSERT_EQUAL(std::string("application/json"), opened.stream->contentType());
        CPPUNIT_ASSERT_EQUAL(std::string("{\"created\":true}"), line(*opened.stream));
        read.count_down();
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"), line(*opened.stream));
        CPPUNIT_ASSERT_EQUAL(std::string("{\"b\":2}"), line(*opened.stream));
        CPPUNIT_ASSERT(!opened.stream->isOver());
    }

    void testReadThatMeetsItsDeadlineLosesNothing()
    {
        const std::string sent = chunk("{\"a\":") + chunk("1}\n");
        ScriptedServer server(
            [&sent](Conversation& conversation)
            {
                answerOnce(conversation, head);
                conversation.drip(sent, 20ms); // so that reads end inside a chunk size, a chunk and a line
                conversation.hang();
            });
        Opened opened(server);
        std::optional<std::string> got;
        int reads = 0;
        const auto whole = within(30s);
        while (!got && whole.timeLeft() > 0ms)
        {
            got = opened.stream->readLine(within(10ms));
            ++reads;
        }
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"), got.value_or("no line"));
        CPPUNIT_ASSERT(reads > 1);
    }

    void testCancelledReadLosesNothing()
    {
        std::latch cancelled(1);
        ScriptedServer server(
            [&cancelled](Conversation& conversation)
            {
                answerOnce(conversation, head + chunk("{\"a\":"));
                cancelled.wait();
                conversation.send(chunk("1}\n"));
                conversation.hang();
            });
        Opened opened(server);
        std::stop_source source;
        const std::jthread canceller([&source] { source.request_stop(); });
        assertSoon([&] { CPPUNIT_ASSERT(!opened.stream->readLine(within(60s, source.get_token()))); });
        CPPUNIT_ASSERT(!opened.stream->isOver());
        cancelled.count_down();
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"), line(*opened.stream));
    }

    void testAnswerThatEndsIsOver()
    {
        ScriptedServer server(sending(head + chunk("1\n2") + "0\r\nTrailer: x\r\n\r\n"));
        Opened opened(server);
        CPPUNIT_ASSERT_EQUAL(std::string("1"), line(*opened.stream));
        CPPUNIT_ASSERT(!opened.stream->isOver());
        CPPUNIT_ASSERT_EQUAL(std::string("2"), line(*opened.stream));
        CPPUNIT_ASSERT(opened.stream->isOver());
        CPPUNIT_ASSERT(!opened.stream->readLine(within(20s)));
    }

    void testErrorWithALengthIsRead()
    {
        ScriptedServer server(ScriptedServer::answering(401, R"({"code":16})"));
        Opened opened(server);
        CPPUNIT_ASSERT_EQUAL(401, opened.stream->status());
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"code":16})"), line(*opened.stream));
        CPPUNIT_ASSERT(opened.stream->isOver());
    }

    void testLostConnectionFails() { assertSays(failureOfRead(chunk("{\"a\""), 1'000'000, true), "the connection was closed"); }

    void testMalformedChunkFails()
    {
        assertSays(failureOfRead("nonsense\r\n"), "a chunk has no valid size");
        assertSays(failureOfRead("1\r\nab\r\n"), "a chunk is longer than its size");
    }

    void testTooLongLineFails() { assertSays(failureOfRead(chunk(std::string(2000, 'x')), 1000), "a line longer than 1000 bytes"); }

    void testAnswerWithoutChunksAndLengthFails()
    {
        const auto failure = failureOfOpen(sending("HTTP/1.1 200 OK\r\n\r\n"));
        assertUnknown(failure);
        assertSays(failure, "(status 200) has neither chunks nor a length");
    }

    void testAnswerThatIsNotHttpFails() { assertUnknown(failureOfOpen(sending("-ERR this is no HTTP\r\n\r\n"))); }

    void testEndlessHeadFails()
    {
        assertSays(failureOfOpen(sending("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'))), "the head of the answer is longer");
    }

    void testHangingHeadIsLeftAtTheDeadline()
    {
        assertSoon([] { assertUnknown(failureOfOpen([](Conversation& conversation) { conversation.hang(); }, 300ms)); });
    }

    void testUnsentRequestGoesToTheNextNode()
    {
        ScriptedServer first(sending(head));
        first.stop();
        ScriptedServer second(sending(head + chunk("2\n")));
        HttpTransport transport(options({first.url(), second.url()}));
        const auto stream = transport.openStream({"GET", "/"}, within(20s));
        CPPUNIT_ASSERT_EQUAL(std::string("2"), line(*stream));
        CPPUNIT_ASSERT(transport.troubles().starts_with(first.url()));
    }

    void testRequestCarriesItsOwnAuthorization()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                while (conversation.readRequest())
                    conversation.answer(conversation.head().find("Authorization: token-2") != std::string::npos ? 200 : 401, "{}");
            });
        HttpTransport transport(options({server.url()}));
        CPPUNIT_ASSERT_EQUAL(401, transport.send({.authorization = "token-1"}, within(20s)).status);
        CPPUNIT_ASSERT_EQUAL(200, transport.send({.authorization = "token-2"}, within(20s)).status);
        CPPUNIT_ASSERT_EQUAL(200, transport.openStream({.authorization = "token-2"}, within(20s))->status());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpStreamTest);

} // namespace Leasehold::Net
