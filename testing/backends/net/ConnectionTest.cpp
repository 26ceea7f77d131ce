#include "net/Connection.h"

#include "ScriptedServer.h"
#include "TestCertificates.h"
#include "TlsTestServer.h"
#include "transportCalls.h"

#include "Leasehold/Exceptions.h"

#include <Poco/Net/SocketAddress.h>
#include <Poco/TemporaryFile.h>

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <latch>
#include <stdexcept>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace Leasehold::Net
{

using Conversation = ScriptedServer::Conversation;
using namespace std::chrono_literals;

namespace
{

/// A loopback port whose backlog is full: the system drops each further SYN, as a dead machine or a firewall does.
class SilentPort
{
public:
    SilentPort()
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const raw = reinterpret_cast<sockaddr*>(&address);
        if (::bind(_listener, raw, size) != 0 || ::listen(_listener, 0) != 0 || ::getsockname(_listener, raw, &size) != 0)
            throw std::runtime_error("cannot listen");
        _address = Poco::Net::SocketAddress(raw, size);
        for (auto& filler : _fillers)
        {
            filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            ::connect(filler, raw, size); // the first one fills the queue, later ones wait
        }
    }
    ~SilentPort()
    {
        for (const int filler : _fillers)
            ::close(filler);
        ::close(_listener);
    }
    SilentPort(const SilentPort&) = delete;
    SilentPort& operator=(const SilentPort&) = delete;

    const Poco::Net::SocketAddress& address() const { return _address; }

private:
    int _listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::array<int, 4> _fillers{};
    Poco::Net::SocketAddress _address{};
};

} // namespace

class ConnectionTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ConnectionTest);
    CPPUNIT_TEST(testAddressThatNeverAnswersLeavesTimeForTheNext);
    CPPUNIT_TEST(testEachAddressThatFailedIsNamed);
    CPPUNIT_TEST(testCancelledConnectTriesNoFurtherAddress);
    CPPUNIT_TEST(testConnectWithoutTimeIsNotTried);
    CPPUNIT_TEST(testHostThatCannotBeCheckedIsNotConnectedTo);
    CPPUNIT_TEST(testUnixSocketCarriesBytesBothWays);
    CPPUNIT_TEST(testMissingUnixSocketIsNotSent);
    CPPUNIT_TEST(testUnixPathThatIsTooLongIsRefused);
    CPPUNIT_TEST(testTlsCarriesBytesBothWays);
    CPPUNIT_TEST(testDrippedBytesEndAtTheDeadlineOfTheCall);
    CPPUNIT_TEST(testWaitingReadCanBeCancelled);
    CPPUNIT_TEST(testReadGoesOnAfterItsCancellation);
    CPPUNIT_TEST(testReadAfterTheServerClosedIsUnknown);
    CPPUNIT_TEST(testReadAfterAResetIsUnknown);
    CPPUNIT_TEST(testSendToAServerThatDoesNotReadEndsAtTheDeadline);
    CPPUNIT_TEST(testSendOfACancelledCallIsNotSent);
    CPPUNIT_TEST(testIdleConnectionWithBytesIsStale);
    CPPUNIT_TEST_SUITE_END();

    static Poco::Net::SocketAddress at(const ScriptedServer& server) { return {"127.0.0.1", static_cast<Poco::UInt16>(server.port())}; }

    static CallFailure failureOfConnect(const std::vector<Poco::Net::SocketAddress>& addresses, const CallContext& context,
                                        const TlsSettings* tls = nullptr, const std::string& host = "host")
    {
        Connection connection(tls, host);
        const auto failure = failureOf([&] { connection.connect(addresses, context); });
        assertNotSent(failure);
        return failure;
    }

    static std::string receive(Connection& connection, std::size_t count)
    {
        std::string bytes;
        const auto context = within(20s);
        while (bytes.size() < count)
        {
            std::array<char, 7> buffer{};
            const auto got = connection.receiveSome(buffer, context);
            bytes.append(buffer.data(), got);
        }
        return bytes;
    }

    static CallFailure failureOfRead(ScriptedServer& server, const CallContext& context)
    {
        Connection connection(nullptr, "host");
        connection.connect({at(server)}, within(20s));
        connection.sendAll("x", within(20s));
        const auto failure = failureOf(
            [&]
            {
                std::array<char, 100> buffer{};
                for (;;)
                    connection.receiveSome(buffer, context);
            });
        assertUnknown(failure);
        return failure;
    }

    /// Sends back each request's body.
    static void echo(Conversation& conversation)
    {
        while (conversation.readRequest())
            conversation.send(conversation.body());
    }

    static constexpr const char* request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world";

public:
    void testAddressThatNeverAnswersLeavesTimeForTheNext()
    {
        const SilentPort silent;
        ScriptedServer server(echo);
        Connection connection(nullptr, "host");
        const auto context = within(6s);
        connection.connect({silent.address(), at(server)}, context);
        CPPUNIT_ASSERT_EQUAL(at(server).toString(), connection.peer().toString());
        connection.sendAll(request, context);
        CPPUNIT_ASSERT_EQUAL(std::string("hello world"), receive(connection, 11));
    }

    void testEachAddressThatFailedIsNamed()
    {
        const SilentPort silent;
        ScriptedServer server(echo);
        server.stop();
        const std::string message = failureOfConnect({at(server), silent.address()}, within(300ms)).what();
        CPPUNIT_ASSERT_EQUAL(std::string("cannot connect: 127.0.0.1: Connection refused, 127.0.0.1: no answer in time"), message);
    }

    void testCancelledConnectTriesNoFurtherAddress()
    {
        const SilentPort silent;
        ScriptedServer server(echo);
        std::stop_source source;
        std::jthread canceller([&source] { source.request_stop(); });
        assertSays(failureOfConnect({silent.address(), at(server)}, within(60s, source.get_token())), "the call was cancelled");
        CPPUNIT_ASSERT_EQUAL(0, server.connections());
    }

    void testConnectWithoutTimeIsNotTried()
    {
        ScriptedServer server(echo);
        CPPUNIT_ASSERT_EQUAL(std::string("cannot connect: no time was left"),
                             std::string(failureOfConnect({at(server)}, within(0ms)).what()));
        CPPUNIT_ASSERT_EQUAL(0, server.connections());
    }

    /// HttpTransport refuses such a host earlier, but a connection must not rely on that.
    void testHostThatCannotBeCheckedIsNotConnectedTo()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.hang(); });
        const TlsSettings tls({}, "test.");
        const auto failure = failureOfConnect({at(server)}, within(20s), &tls, "127.1");
        CPPUNIT_ASSERT(failure.isPermanent());
        CPPUNIT_ASSERT_EQUAL(std::string("cannot connect: no certificate can be checked against the host 127.1"),
                             std::string(failure.what()));
    }

    void testUnixSocketCarriesBytesBothWays()
    {
        Poco::TemporaryFile path;
        ScriptedServer server(echo, path.path());
        Connection connection(nullptr, {});
        connection.connect({Connection::unixAddress(path.path(), "test.url")}, within(20s));
        CPPUNIT_ASSERT_EQUAL(path.path(), connection.peer().toString());
        connection.sendAll(request, within(20s));
        CPPUNIT_ASSERT_EQUAL(std::string("hello world"), receive(connection, 11));
        CPPUNIT_ASSERT(!connection.isStale());
    }

    void testMissingUnixSocketIsNotSent()
    {
        const auto path = Poco::TemporaryFile::tempName();
        assertSays(failureOfConnect({Connection::unixAddress(path, "test.url")}, within(20s)), "No such file or directory");
    }

    void testUnixPathThatIsTooLongIsRefused()
    {
        CPPUNIT_ASSERT_NO_THROW(Connection::unixAddress("/" + std::string(106, 'p'), "test.url"));
        for (const std::string& path : {std::string(), "/" + std::string(107, 'p')})
        {
            std::string refusal;
            try
            {
                Connection::unixAddress(path, "test.url");
            }
            catch (const LockConfigurationError& error)
            {
                refusal = error.message();
            }
            CPPUNIT_ASSERT_MESSAGE(refusal, refusal.starts_with("test.url = \"" + path + "\" cannot be used"));
        }
    }

    void testTlsCarriesBytesBothWays()
    {
        const TestCertificates certificates("IP:127.0.0.1");
        const TlsTestServer server(certificates);
        const TlsSettings tls({.ca = certificates.caFile()}, "test.");
        Connection connection(&tls, "127.0.0.1");
        connection.connect({Poco::Net::SocketAddress("127.0.0.1", server.port())}, within(20s));
        connection.sendAll(request, within(20s));
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 200 OK"), receive(connection, 15).substr(0, 15));
    }

    void testDrippedBytesEndAtTheDeadlineOfTheCall()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.drip(std::string(5000, 'y'), 50ms); });
        assertSoon([&] { assertSays(failureOfRead(server, within(400ms)), "no answer in time"); });
    }

    void testWaitingReadCanBeCancelled()
    {
        ScriptedServer server([](Conversation& conversation) { conversation.hang(); });
        std::stop_source source;
        const std::jthread canceller([&source] { source.request_stop(); });
        assertSoon([&] { assertSays(failureOfRead(server, within(60s, source.get_token())), "the call was cancelled"); });
    }

    void testReadGoesOnAfterItsCancellation()
    {
        std::latch cancelled(1);
        ScriptedServer server(
            [&cancelled](Conversation& conversation)
            {
                conversation.readAnything();
                cancelled.wait();
                conversation.send("late");
                conversation.hang();
            });
        Connection connection(nullptr, "host");
        connection.connect({at(server)}, within(20s));
        connection.sendAll("x", within(20s));
        std::stop_source source;
        source.request_stop();
        std::array<char, 4> buffer{};
        assertUnknown(failureOf([&] { connection.receiveSome(buffer, within(60s, source.get_token())); }));
        CPPUNIT_ASSERT(connection.wasCancelled() && !connection.timedOut());
        cancelled.count_down();
        CPPUNIT_ASSERT_EQUAL(std::string("late"), receive(connection, 4));
        CPPUNIT_ASSERT(!connection.wasCancelled());
    }

    void testReadAfterTheServerClosedIsUnknown()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                conversation.readAnything();
                conversation.close();
            });
        assertSays(failureOfRead(server, within(20s)), "the connection was closed before the answer was whole");
    }

    void testReadAfterAResetIsUnknown()
    {
        ScriptedServer server(
            [](Conversation& conversation)
            {
                conversation.readAnything();
                conversation.reset();
            });
        assertSays(failureOfRead(server, within(20s)), "reset");
    }

    void testSendToAServerThatDoesNotReadEndsAtTheDeadline()
    {
        std::latch over(1);
        ScriptedServer server([&over](Conversation&) { over.wait(); });
        Connection connection(nullptr, "host");
        connection.connect({at(server)}, within(20s));
        const std::string big(std::size_t{64} << 20, 'x');
        assertSoon([&] { assertUnknown(failureOf([&] { connection.sendAll(big, within(300ms)); })); });
        over.count_down();
    }

    void testSendOfACancelledCallIsNotSent()
    {
        ScriptedServer server(echo);
        Connection connection(nullptr, "host");
        connection.connect({at(server)}, within(20s));
        std::stop_source source;
        source.request_stop();
        assertNotSent(failureOf([&] { connection.sendAll("x", within(20s, source.get_token())); }));
    }

    void testIdleConnectionWithBytesIsStale()
    {
        std::latch connected(1);
        ScriptedServer server(
            [&connected](Conversation& conversation)
            {
                connected.wait();
                conversation.send("nobody asked");
                conversation.hang();
            });
        Connection connection(nullptr, "host");
        connection.connect({at(server)}, within(20s));
        CPPUNIT_ASSERT(!connection.isStale());
        connected.count_down();
        const auto context = within(20s);
        while (!connection.isStale() && context.timeLeft() > 0ms)
            std::this_thread::yield();
        CPPUNIT_ASSERT(connection.isStale());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConnectionTest);

} // namespace Leasehold::Net
