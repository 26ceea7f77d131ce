#include "TestCertificates.h"
#include "TlsTestServer.h"
#include "transportCalls.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Net
{

using Conversation = ScriptedServer::Conversation;
using namespace std::chrono_literals;

/// HTTPS.
class HttpTlsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HttpTlsTest);
    CPPUNIT_TEST(testTrustedCertificateIsAccepted);
    CPPUNIT_TEST(testUnknownAuthorityIsRefusedPermanently);
    CPPUNIT_TEST(testCertificateForAnotherHostIsRefused);
    CPPUNIT_TEST(testTlsToPlainPortFails);
    CPPUNIT_TEST(testPlainTextAnswerToTlsIsExplained);
    CPPUNIT_TEST(testCloseDuringTheTlsHandshakeIsNotSent);
    CPPUNIT_TEST(testHangingTlsHandshakeIsLeftAtTheDeadline);
    CPPUNIT_TEST(testInvalidCaFileIsRefused);
    CPPUNIT_TEST(testHttpsHostThatCannotBeCheckedIsRefused);
    CPPUNIT_TEST(testTooOldTlsIsExplained);
    CPPUNIT_TEST(testHandshakeFailureShowsTheReason);
    CPPUNIT_TEST(testClientCertificateIsShownToTheServer);
    CPPUNIT_TEST(testServerThatWantsAClientCertificateIsExplained);
    CPPUNIT_TEST_SUITE_END();

public:
    void testTrustedCertificateIsAccepted()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const TlsTestServer server(certificates);
        auto with = options({server.url()});
        with.tls.ca = certificates.caFile();
        HttpTransport transport(with);
        for (int call = 0; call < 3; ++call)
            CPPUNIT_ASSERT_EQUAL(std::string(R"({"result":"noop"})"), post(transport).body);
        CPPUNIT_ASSERT_EQUAL(200, transport.send({"POST", "/", std::string(200'000, 'x')}, within(20s)).status);
    }

    void testUnknownAuthorityIsRefusedPermanently()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const TestCertificates others("IP:127.0.0.1");
        const TlsTestServer server(certificates);
        for (const std::string& authority : {std::string(), others.caFile()})
        {
            auto with = options({server.url()});
            with.tls.ca = authority;
            HttpTransport transport(with);
            const auto failure = failureOf([&] { post(transport); });
            assertNotSent(failure);
            CPPUNIT_ASSERT(failure.isPermanent());
            CPPUNIT_ASSERT(std::string(failure.what()).find("certificate") != std::string::npos);
        }
    }

    void testCertificateForAnotherHostIsRefused()
    {
        const TestCertificates certificates("DNS:example.org");
        const TlsTestServer server(certificates);
        for (const std::string host : {"127.0.0.1", "localhost"})
        {
            auto with = options({server.url(host)});
            with.tls.ca = certificates.caFile();
            HttpTransport transport(with);
            const auto failure = failureOf([&] { post(transport); });
            assertNotSent(failure);
            CPPUNIT_ASSERT(failure.isPermanent());
        }
    }

    void testTlsToPlainPortFails()
    {
        ScriptedServer server(ScriptedServer::answering(200, "{}"));
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(server.port())}));
        assertSoon([&] { assertNotSent(failureOf([&] { post(transport, 2s); })); });
    }

    void testPlainTextAnswerToTlsIsExplained()
    {
        ScriptedServer server([](Conversation& conversation)
                              { conversation.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"); });
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(server.port())}));
        const auto failure = failureOf([&] { post(transport); });
        assertNotSent(failure);
        CPPUNIT_ASSERT_MESSAGE(failure.what(), std::string(failure.what()).find("is it an https port?") != std::string::npos);
    }

    void testCloseDuringTheTlsHandshakeIsNotSent()
    {
        // If a side closes before it has read everything, the other side gets a reset; else it sees the end of the connection.
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
            assertNotSent(failureOf([&] { post(transport); }));
        }
    }

    void testHangingTlsHandshakeIsLeftAtTheDeadline()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.hang(); });
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(server.port())}));
        assertSoon([&] { assertNotSent(failureOf([&] { post(transport, 300ms); })); });
    }

    void testInvalidCaFileIsRefused()
    {
        for (const std::string file : {"/nowhere/ca.pem", "/dev/null"})
        {
            auto with = options({"https://127.0.0.1:1"});
            with.tls.ca = file;
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

    void testHttpsHostThatCannotBeCheckedIsRefused()
    {
        const TestCertificates certificates("DNS:example.org");
        const TlsTestServer server(certificates);
        for (const std::string host : {"127.1", "2130706433", "0x7f.1", "[::1%lo]", "[fe80::1%lo]"})
        {
            auto with = options({server.url(host)});
            with.tls.ca = certificates.caFile();
            std::string refusal;
            try
            {
                HttpTransport transport(with);
                post(transport);
            }
            catch (const LockConfigurationError& error)
            {
                refusal = error.message();
            }
            catch (const CallFailure& failure) // OpenSSL checks an address that it takes for a name as a name
            {
                CPPUNIT_ASSERT_MESSAGE(failure.what(), failure.isPermanent());
                refusal = std::string("test.url ") + failure.what();
            }
            CPPUNIT_ASSERT_MESSAGE(host + ": " + refusal, refusal.find("test.url") == 0);
            CPPUNIT_ASSERT_MESSAGE(host + ": " + refusal, refusal.find(host.substr(1, 3)) != std::string::npos);
        }
        CPPUNIT_ASSERT_EQUAL(0, server.requests());
    }

    void testTooOldTlsIsExplained()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const TlsTestServer server(certificates, TlsTestServer::Protocol::old);
        auto with = options({server.url()});
        with.tls.ca = certificates.caFile();
        HttpTransport transport(with);
        const auto failure = failureOf([&] { post(transport); });
        assertNotSent(failure);
        CPPUNIT_ASSERT_MESSAGE(failure.what(), failure.isPermanent());
        CPPUNIT_ASSERT_MESSAGE(failure.what(), std::string(failure.what()).find("protocol") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(failure.what(), std::string(failure.what()).find("TLS 1.2 or newer") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(failure.what(), std::string(failure.what()).find("is it an https port?") == std::string::npos);
    }

    void testHandshakeFailureShowsTheReason()
    {
        const std::string alert("\x15\x03\x03\x00\x02\x02\x28", 7); // fatal: handshake_failure
        ScriptedServer server(
            [&alert](Conversation& conversation)
            {
                conversation.readAnything();
                conversation.send(alert);
                conversation.hang();
            });
        HttpTransport transport(options({"https://127.0.0.1:" + std::to_string(server.port())}));
        const auto failure = failureOf([&] { post(transport); });
        assertNotSent(failure);
        CPPUNIT_ASSERT_MESSAGE(failure.what(), std::string(failure.what()).find("handshake failure") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(failure.what(), std::string(failure.what()).find("is it an https port?") == std::string::npos);
    }

    void testClientCertificateIsShownToTheServer()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const TlsTestServer server(certificates, TlsTestServer::Protocol::current, TlsTestServer::ClientCertificate::required);
        auto with = options({server.url()});
        with.tls = {certificates.caFile(), certificates.clientCertificateFile(), certificates.clientKeyFile()};
        HttpTransport transport(with);
        CPPUNIT_ASSERT_EQUAL(200, post(transport).status);
    }

    /// In TLS 1.3 the server refuses after the handshake, when the request may already have been sent.
    void testServerThatWantsAClientCertificateIsExplained()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const TlsTestServer server(certificates, TlsTestServer::Protocol::current, TlsTestServer::ClientCertificate::required);
        auto with = options({server.url()});
        with.tls.ca = certificates.caFile();
        HttpTransport transport(with);
        assertSays(failureOf([&] { post(transport); }), "client_certificate_file");
        CPPUNIT_ASSERT_EQUAL(0, server.requests());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpTlsTest);

} // namespace Leasehold::Net
