#include "TestCertificates.h"
#include "TlsTestServer.h"
#include "transportCalls.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <latch>
#include <thread>

namespace Leasehold::Net
{

using Conversation = ScriptedServer::Conversation;
using namespace std::chrono_literals;

/// Several nodes: the choice of a node when others fail.
class HttpNodesTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HttpNodesTest);
    CPPUNIT_TEST(testUnsentRequestGoesToTheNextNode);
    CPPUNIT_TEST(testRequestWithUnknownOutcomeIsNotSentAgain);
    CPPUNIT_TEST(testNodeThatAnswers503IsLeftForTheNext);
    CPPUNIT_TEST(testRecoveredNodeIsUsedAgain);
    CPPUNIT_TEST(testRequestsThatFailTogetherCountAsOneFailure);
    CPPUNIT_TEST(testNodeThatHangsLeavesTimeForTheNext);
    CPPUNIT_TEST(testSkippedNodeIsNamedInTheFinalFailure);
    CPPUNIT_TEST(testTroubleOfANodeIsKeptUntilItAnswers);
    CPPUNIT_TEST(testNodeReportedAsFailedIsLeftForTheNext);
    CPPUNIT_TEST_SUITE_END();

public:
    void testUnsentRequestGoesToTheNextNode()
    {
        ScriptedServer first(ScriptedServer::answering(200, "1"));
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        first.stop();
        HttpTransport transport(options({first.url(), second.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("2"), post(transport).body);
        second.stop();
        const auto failure = failureOf([&] { post(transport); });
        assertNotSent(failure);
        CPPUNIT_ASSERT(std::string(failure.what()).find(first.url()) != std::string::npos);
        CPPUNIT_ASSERT(std::string(failure.what()).find(second.url()) != std::string::npos);
    }

    void testRequestWithUnknownOutcomeIsNotSentAgain()
    {
        ScriptedServer first([](Conversation& conversation) { conversation.readRequest(); });
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({first.url(), second.url()}));
        assertUnknown(failureOf([&] { post(transport); }));
        CPPUNIT_ASSERT_EQUAL(0, second.requests());
        CPPUNIT_ASSERT_EQUAL(std::string("2"), post(transport).body);
    }

    void testNodeThatAnswers503IsLeftForTheNext()
    {
        ScriptedServer first(ScriptedServer::answering(503, "{}"));
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({first.url(), second.url()}));
        CPPUNIT_ASSERT_EQUAL(503, post(transport).status);
        CPPUNIT_ASSERT_EQUAL(200, post(transport).status);
        CPPUNIT_ASSERT_EQUAL(200, post(transport).status);
        CPPUNIT_ASSERT_EQUAL(1, first.requests());
    }

    void testRecoveredNodeIsUsedAgain()
    {
        ScriptedServer first(ScriptedServer::answering(200, "1"));
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({first.url(), second.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("1"), post(transport).body);
        first.stop();
        for (std::string body; body != "2";)
        {
            try
            {
                body = post(transport).body;
            }
            catch (const CallFailure& failure)
            {
                assertUnknown(failure); // the failed connection was in the pool
            }
        }
        first.listenAgain();
        second.stop();
        for (std::string body; body != "1";)
        {
            try
            {
                body = post(transport).body;
            }
            catch (const CallFailure& failure)
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
                threads.emplace_back([&transport] { post(transport); });
        }
        recovered = true;
        // While the first node is in its back-off, the second is asked. Its failure is the later one, so the first is asked next. After
        // eight failures its back-off would be half a minute.
        if (post(transport).status == 503)
            CPPUNIT_ASSERT_EQUAL(std::string("1"), post(transport).body);
    }

    void testNodeThatHangsLeavesTimeForTheNext()
    {
        // A TLS handshake without an answer hangs like a connection to a dead machine.
        ScriptedServer first([](Conversation& conversation) { conversation.hang(); });
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(first.port()), second.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("2"), post(transport, 2s).body);
    }

    void testSkippedNodeIsNamedInTheFinalFailure()
    {
        const TestCertificates certificates("DNS:example.org");
        const TlsTestServer bad(certificates);
        std::atomic<bool> hangs{false};
        ScriptedServer good(
            [&hangs](Conversation& conversation)
            {
                while (conversation.readRequest() && !hangs)
                    conversation.answer(200, "{}");
                conversation.hang();
            });
        auto with = options({bad.url(), good.url()});
        with.tls.ca = certificates.caFile();
        HttpTransport transport(with);
        CPPUNIT_ASSERT_EQUAL(200, post(transport).status);
        hangs = true;
        const auto failure = failureOf([&] { post(transport, 500ms); });
        const std::string message = failure.what();
        assertUnknown(failure);
        CPPUNIT_ASSERT_MESSAGE(message, message.find(good.url() + ": no answer in time") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(message, message.find("before that, " + bad.url()) != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(message, message.find("certificate") != std::string::npos);
    }

    void testTroubleOfANodeIsKeptUntilItAnswers()
    {
        ScriptedServer first(ScriptedServer::answering(200, "1"));
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        second.stop();
        HttpTransport transport(options({first.url(), second.url()}));
        CPPUNIT_ASSERT_EQUAL(std::string("1"), post(transport).body);
        CPPUNIT_ASSERT_EQUAL(std::string(), transport.troubles());
        transport.visitOthers({"GET", "/"}, within(20s));
        CPPUNIT_ASSERT(transport.troubles().starts_with(second.url() + ": cannot connect: Connection refused"));
        const std::vector<std::string> itself{second.url()};
        CPPUNIT_ASSERT_EQUAL(std::string(), transport.troubles(itself));
        second.listenAgain();
        transport.visitOthers({"GET", "/"}, within(20s));
        CPPUNIT_ASSERT_EQUAL(std::string(), transport.troubles());
    }

    void testNodeReportedAsFailedIsLeftForTheNext()
    {
        ScriptedServer first(ScriptedServer::answering(500, "stopped"));
        ScriptedServer second(ScriptedServer::answering(200, "2"));
        HttpTransport transport(options({first.url(), second.url()}));
        transport.reportFailed(post(transport), "raft: stopped");
        CPPUNIT_ASSERT_EQUAL(std::string("2"), post(transport).body);
        CPPUNIT_ASSERT(transport.troubles().starts_with(first.url() + ": raft: stopped ("));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpNodesTest);

} // namespace Leasehold::Net
