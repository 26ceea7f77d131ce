#include "Leasehold/FaultyProxy.h"

#include <Poco/Exception.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace Leasehold
{
namespace
{

using Time = std::chrono::steady_clock::time_point;

constexpr auto dripEvery = std::chrono::milliseconds(50);
constexpr std::size_t maxHeld = 4U << 20; // bytes of one direction of one connection

std::int64_t nanosecondsSince1970()
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

[[noreturn]] void fail(const std::string& what)
{
    throw Poco::IOException("the proxy cannot " + what + ": " + std::strerror(errno));
}

sockaddr_in loopback(int port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// A descriptor that closes itself.
class Descriptor
{
public:
    explicit Descriptor(int number = -1) noexcept : _number(number) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor&& other) noexcept : _number(std::exchange(other._number, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;

    int number() const noexcept { return _number; }
    bool isOpen() const noexcept { return _number >= 0; }
    void close() noexcept
    {
        if (_number >= 0)
            ::close(_number);
        _number = -1;
    }
    /// Closes so that the peer gets a reset.
    void reset() noexcept
    {
        const linger now{1, 0};
        if (_number >= 0)
            ::setsockopt(_number, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }

private:
    int _number;
};

/// The bytes that came from one side and were not sent to the other yet.
struct Flow
{
    struct Piece
    {
        Time due{};
        std::string bytes{};
    };
    std::deque<Piece> pieces{};
    std::size_t held = 0;
    bool ended = false; // its source has closed the connection

    void add(Time due, std::string bytes)
    {
        held += bytes.size();
        pieces.push_back({due, std::move(bytes)});
    }
};

struct Connection
{
    Descriptor client, server;
    Flow requests{}, replies{};
    Time nextDrip{};
    std::int64_t asked = 0;  // when its last request began to come in
    bool clientGone = false; // it has closed the connection; its earlier bytes are still delivered
    bool counted = false;    // as a late request

    bool isOver() const { return !client.isOpen() && !server.isOpen(); }
};

} // namespace

const char* toString(ProxyFault fault)
{
    switch (fault)
    {
    case ProxyFault::none:
        return "none";
    case ProxyFault::delay:
        return "delay";
    case ProxyFault::cut:
        return "cut";
    case ProxyFault::blackhole:
        return "blackhole";
    case ProxyFault::drip:
        return "drip";
    case ProxyFault::dropReply:
        break;
    }
    return "dropReply";
}

/// The state of the proxy's thread.
class FaultyProxy::Loop
{
public:
    Loop(FaultyProxy& proxy, int targetPort, std::uint64_t seed) : _proxy(proxy), _target(loopback(targetPort)), _random(seed)
    {
        const auto here = loopback(0);
        if (!_listener.isOpen() || !_wake.isOpen() ||
            ::bind(_listener.number(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
            ::listen(_listener.number(), 128) != 0)
            fail("listen");
        sockaddr_in bound{};
        socklen_t size = sizeof bound;
        if (::getsockname(_listener.number(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
            fail("find its port");
        _proxy._port = ntohs(bound.sin_port);
    }

    void set(ProxyFault fault, Milliseconds delay)
    {
        std::unique_lock guard(_mutex);
        _wanted = {fault, delay};
        const auto request = ++_requested;
        wake();
        _taken.wait(guard, [&] { return _served >= request; });
    }

    void stop()
    {
        const std::lock_guard guard(_mutex);
        _stopping = true;
        wake();
    }

    void run()
    {
        while (takeOrders())
        {
            std::vector<pollfd> ready{{_wake.number(), POLLIN, 0}, {_listener.number(), POLLIN, 0}};
            for (const auto& connection : _connections)
            {
                ready.push_back({connection.client.number(), interest(connection, true), 0});
                ready.push_back({connection.server.number(), interest(connection, false), 0});
            }
            ::poll(ready.data(), ready.size(), timeout());
            if (ready[0].revents != 0)
            {
                std::uint64_t count = 0;
                [[maybe_unused]] const auto got = ::read(_wake.number(), &count, sizeof count);
            }

            std::size_t place = 2;
            for (auto& connection : _connections)
            {
                receive(connection, ready[place].revents, ready[place + 1].revents);
                send(connection);
                place += 2;
            }
            _connections.remove_if([](const Connection& connection) { return connection.isOver(); });
            if (ready[1].revents != 0)
                accept();
        }
    }

private:
    struct Orders
    {
        ProxyFault fault = ProxyFault::none;
        Milliseconds delay{0};
    };

    void wake()
    {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(_wake.number(), &one, sizeof one);
    }

    bool takeOrders()
    {
        const std::lock_guard guard(_mutex);
        if (_served < _requested)
        {
            _now = _wanted;
            _served = _requested;
            if (_now.fault == ProxyFault::cut)
            {
                for (auto& connection : _connections)
                {
                    connection.client.reset();
                    connection.server.reset();
                }
                _connections.clear();
            }
            _taken.notify_all();
        }
        return !_stopping;
    }

    static Time now() { return std::chrono::steady_clock::now(); }

    short interest(const Connection& connection, bool client) const
    {
        const auto& in = client ? connection.requests : connection.replies;
        const auto& out = client ? connection.replies : connection.requests;
        short events = 0;
        if (!in.ended && in.held < maxHeld)
            events = POLLIN;
        if (_now.fault != ProxyFault::blackhole && !out.pieces.empty() && out.pieces.front().due <= now() &&
            !(client && _now.fault == ProxyFault::drip))
            events = static_cast<short>(events | POLLOUT);
        return events;
    }

    /// The time until the next piece is due, in milliseconds; -1: none is.
    int timeout() const
    {
        auto next = Time::max();
        for (const auto& connection : _connections)
        {
            if (_now.fault == ProxyFault::blackhole)
                continue;
            for (const auto* flow : {&connection.requests, &connection.replies})
            {
                const bool isReply = flow == &connection.replies;
                if (flow->pieces.empty() || !(isReply ? connection.client : connection.server).isOpen())
                    continue;
                const bool drips = isReply && _now.fault == ProxyFault::drip;
                // A due piece that cannot be sent waits for POLLOUT.
                const auto due = std::max(flow->pieces.front().due, drips ? connection.nextDrip : Time::min());
                if (due > now() || drips)
                    next = std::min(next, due);
            }
        }
        if (next == Time::max())
            return -1;
        return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(next - now()).count()));
    }

    void accept()
    {
        const int accepted = ::accept4(_listener.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0)
            return;
        ++_proxy._connections;
        Descriptor client(accepted);
        if (_now.fault == ProxyFault::cut)
        {
            client.reset();
            return;
        }
        Descriptor server(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (::connect(server.number(), reinterpret_cast<const sockaddr*>(&_target), sizeof _target) != 0 && errno != EINPROGRESS)
        {
            client.reset();
            return;
        }
        const int on = 1;
        ::setsockopt(client.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(server.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        _connections.push_back({std::move(client), std::move(server)});
    }

    enum class Source
    {
        open,
        ended, ///< closed without an error
        broken
    };

    Source read(const Descriptor& from, Flow& flow)
    {
        char buffer[16384];
        const auto got = ::recv(from.number(), buffer, sizeof buffer, 0);
        if (got > 0)
        {
            const auto delay = _now.fault == ProxyFault::delay ? _now.delay : Milliseconds{0};
            flow.add(now() + delay, std::string(buffer, static_cast<std::size_t>(got)));
            return Source::open;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return Source::open;
        flow.ended = true;
        return got == 0 ? Source::ended : Source::broken;
    }

    void receive(Connection& connection, short fromClient, short fromServer)
    {
        constexpr short readable = POLLIN | POLLHUP | POLLERR;
        if (connection.client.isOpen() && (fromClient & readable) != 0)
        {
            if (connection.asked == 0)
                connection.asked = nanosecondsSince1970();
            if (read(connection.client, connection.requests) != Source::open)
                loseClient(connection); // the store closes a connection only when it gives up its request
        }
        if (connection.server.isOpen() && (fromServer & readable) != 0)
        {
            const auto source = read(connection.server, connection.replies);
            if (source == Source::open)
                _proxy._answered = std::max(_proxy._answered.load(), std::exchange(connection.asked, 0));
            if (_now.fault == ProxyFault::dropReply && source == Source::open && (_random() & 1U) != 0)
            {
                ++_proxy._dropped;
                connection.client.reset();
                connection.server.close();
            }
            else if (source == Source::broken)
                connection.client.reset();
            if (source != Source::open)
                connection.server.close(); // its earlier bytes are still sent to the client
        }
    }

    static void loseClient(Connection& connection)
    {
        connection.client.close();
        connection.replies.pieces.clear();
        connection.clientGone = true;
    }

    void send(Connection& connection)
    {
        if (_now.fault == ProxyFault::blackhole)
            return;
        const bool hadRequests = !connection.requests.pieces.empty();
        if (connection.server.isOpen() && !write(connection.server, connection.requests, false))
        {
            connection.client.reset();
            connection.server.close();
        }
        if (connection.clientGone && hadRequests && connection.requests.pieces.empty() && !connection.counted)
        {
            connection.counted = true;
            ++_proxy._late;
        }
        if (connection.client.isOpen())
        {
            const bool drips = _now.fault == ProxyFault::drip;
            if (!drips || now() >= connection.nextDrip)
            {
                if (!write(connection.client, connection.replies, drips))
                    loseClient(connection);
                connection.nextDrip = now() + dripEvery;
            }
        }
        if (connection.clientGone && connection.requests.pieces.empty())
            connection.server.close();
        if (!connection.server.isOpen() && connection.replies.pieces.empty())
            connection.client.close();
    }

    /// False: the receiver has closed the connection.
    static bool write(const Descriptor& to, Flow& flow, bool drip)
    {
        while (!flow.pieces.empty() && flow.pieces.front().due <= now())
        {
            auto& piece = flow.pieces.front();
            const auto size = drip ? std::size_t{1} : piece.bytes.size();
            const auto sent = ::send(to.number(), piece.bytes.data(), size, MSG_NOSIGNAL);
            if (sent < 0)
                return errno == EAGAIN || errno == EINTR;
            flow.held -= static_cast<std::size_t>(sent);
            piece.bytes.erase(0, static_cast<std::size_t>(sent));
            if (piece.bytes.empty())
                flow.pieces.pop_front();
            if (drip)
                return true;
        }
        return true;
    }

    FaultyProxy& _proxy;
    const sockaddr_in _target;
    std::mt19937_64 _random;
    Descriptor _listener{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    Descriptor _wake{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    std::list<Connection> _connections;
    Orders _now; // used by the thread only

    std::mutex _mutex;
    std::condition_variable _taken;
    Orders _wanted;
    std::uint64_t _requested = 0, _served = 0;
    bool _stopping = false;
};

FaultyProxy::FaultyProxy(int targetPort, std::uint64_t seed) :
    _loop(std::make_unique<Loop>(*this, targetPort, seed)), _thread([this] { _loop->run(); })
{
}

FaultyProxy::~FaultyProxy()
{
    _loop->stop();
    _thread.join();
}

void FaultyProxy::set(ProxyFault fault, Milliseconds delay)
{
    _loop->set(fault, delay);
}

} // namespace Leasehold
