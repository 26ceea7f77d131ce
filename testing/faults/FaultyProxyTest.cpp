#include "Leasehold/FaultyProxy.h"

#include "Leasehold/History.h"
#include "Leasehold/waitUntil.h"

#include <Poco/Net/NetException.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold
{
namespace
{

/// Sends back each received piece and counts the pieces.
class EchoServer
{
public:
    EchoServer() = default;
    ~EchoServer()
    {
        _thread.request_stop();
        _thread.join();
    }

    int port() const { return _socket.address().port(); }
    std::size_t received() const { return _received; }

private:
    void run(const std::stop_token& stop)
    {
        Poco::Net::Socket::SocketList clients;
        while (!stop.stop_requested())
        {
            auto readable = clients;
            readable.push_back(_socket);
            Poco::Net::Socket::SocketList none, alsoNone;
            Poco::Net::Socket::select(readable, none, alsoNone, Poco::Timespan(0, 10'000));
            for (const auto& socket : readable)
            {
                if (socket == _socket)
                {
                    clients.push_back(_socket.acceptConnection());
                    continue;
                }
                char buffer[1024];
                Poco::Net::StreamSocket client(socket);
                int got = 0;
                try
                {
                    got = client.receiveBytes(buffer, sizeof buffer);
                    if (got > 0)
                    {
                        _received += static_cast<std::size_t>(got);
                        client.sendBytes(buffer, got);
                    }
                }
                catch (const Poco::IOException&)
                {
                    got = 0; // the proxy has reset the connection
                }
                if (got <= 0)
                    std::erase(clients, socket);
            }
        }
    }

    Poco::Net::ServerSocket _socket{Poco::Net::SocketAddress("127.0.0.1", 0)}; // before the thread, which uses it
    std::atomic<std::size_t> _received{0};
    std::jthread _thread{[this](const std::stop_token& stop) { run(stop); }};
};

} // namespace

class FaultyProxyTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FaultyProxyTest);
    CPPUNIT_TEST(testWithoutAFaultBytesPassBothWays);
    CPPUNIT_TEST(testDelayHoldsBothWays);
    CPPUNIT_TEST(testCutResetsOldAndNewConnections);
    CPPUNIT_TEST(testBlackholeHoldsWhatIsSentAndGivesItOnWhenItEnds);
    CPPUNIT_TEST(testRequestArrivesLateAlthoughItsSenderHasGone);
    CPPUNIT_TEST(testDripGivesOneByteAtATime);
    CPPUNIT_TEST(testDroppedReplyTookEffect);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<EchoServer> _server;
    std::unique_ptr<FaultyProxy> _proxy;

    Poco::Net::StreamSocket connect() const
    {
        Poco::Net::StreamSocket socket(Poco::Net::SocketAddress("127.0.0.1", static_cast<Poco::UInt16>(_proxy->port())));
        socket.setReceiveTimeout(Poco::Timespan(20, 0));
        return socket;
    }

    static void say(Poco::Net::StreamSocket& socket, const std::string& text)
    {
        CPPUNIT_ASSERT_EQUAL(static_cast<int>(text.size()), socket.sendBytes(text.data(), static_cast<int>(text.size())));
    }

    /// Reads so many bytes, or fewer if the connection ends.
    static std::string hear(Poco::Net::StreamSocket& socket, std::size_t size)
    {
        std::string text;
        char buffer[1024];
        while (text.size() < size)
        {
            const int got = socket.receiveBytes(buffer, static_cast<int>(std::min(size - text.size(), sizeof buffer)));
            if (got <= 0)
                break;
            text.append(buffer, static_cast<std::size_t>(got));
        }
        return text;
    }

    static bool isSilent(Poco::Net::StreamSocket& socket, long microseconds)
    {
        return !socket.poll(Poco::Timespan(0, microseconds), Poco::Net::Socket::SELECT_READ);
    }

public:
    void setUp() override
    {
        _server = std::make_unique<EchoServer>();
        _proxy = std::make_unique<FaultyProxy>(_server->port(), 1);
    }
    void tearDown() override
    {
        _proxy.reset();
        _server.reset();
    }

    void testWithoutAFaultBytesPassBothWays()
    {
        auto one = connect();
        auto other = connect();
        const std::string much(300'000, 'x');
        std::thread sender([&] { say(one, much); });
        CPPUNIT_ASSERT_EQUAL(much, hear(one, much.size()));
        sender.join();
        say(other, "hello");
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), hear(other, 5));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, _proxy->connections());
    }

    void testDelayHoldsBothWays()
    {
        _proxy->set(ProxyFault::delay, Milliseconds{150});
        auto socket = connect();
        const auto began = hostTime();
        say(socket, "hello");
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), hear(socket, 5));
        CPPUNIT_ASSERT(hostTime() - began >= 300'000'000);
    }

    void testCutResetsOldAndNewConnections()
    {
        auto socket = connect();
        say(socket, "hello");
        hear(socket, 5);
        _proxy->set(ProxyFault::cut);
        CPPUNIT_ASSERT_THROW(hear(socket, 1), Poco::Net::ConnectionResetException);
        auto fresh = connect();
        CPPUNIT_ASSERT_THROW(hear(fresh, 1), Poco::Net::ConnectionResetException);
        _proxy->set(ProxyFault::none);
        auto again = connect();
        say(again, "hello");
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), hear(again, 5));
    }

    void testBlackholeHoldsWhatIsSentAndGivesItOnWhenItEnds()
    {
        auto socket = connect();
        _proxy->set(ProxyFault::blackhole);
        say(socket, "hello");
        CPPUNIT_ASSERT(isSilent(socket, 200'000));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, _server->received());
        _proxy->set(ProxyFault::none);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), hear(socket, 5));
    }

    void testRequestArrivesLateAlthoughItsSenderHasGone()
    {
        _proxy->set(ProxyFault::blackhole);
        {
            auto socket = connect();
            say(socket, "hello");
            socket.close();
        }
        // The proxy accepts the earlier connection before it carries out the later order.
        CPPUNIT_ASSERT(waitUntil([this] { return _proxy->connections() == 1; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, _server->received());
        _proxy->set(ProxyFault::none);
        CPPUNIT_ASSERT(waitUntil([this] { return _server->received() == 5; }));
    }

    void testDripGivesOneByteAtATime()
    {
        _proxy->set(ProxyFault::drip);
        auto socket = connect();
        const auto began = hostTime();
        say(socket, "hello");
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), hear(socket, 5));
        CPPUNIT_ASSERT(hostTime() - began >= 150'000'000);
    }

    void testDroppedReplyTookEffect()
    {
        _proxy->set(ProxyFault::dropReply);
        std::size_t sent = 0, dropped = 0, answered = 0;
        while (dropped < 3 || answered < 3)
        {
            CPPUNIT_ASSERT(sent < 1000);
            auto socket = connect();
            say(socket, "hello");
            ++sent;
            try
            {
                const auto reply = hear(socket, 5);
                CPPUNIT_ASSERT_EQUAL(std::string("hello"), reply);
                ++answered;
            }
            catch (const Poco::Net::ConnectionResetException&)
            {
                ++dropped;
            }
        }
        CPPUNIT_ASSERT_EQUAL(sent * 5, _server->received());
        CPPUNIT_ASSERT_EQUAL(static_cast<std::uint64_t>(dropped), _proxy->droppedReplies());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FaultyProxyTest);

} // namespace Leasehold
