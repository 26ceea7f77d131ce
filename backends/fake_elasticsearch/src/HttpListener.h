#pragma once

#include "FakeExchange.h"

#include "Leasehold/Durations.h"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>

namespace Leasehold::Fake
{

/// Serves HTTP/1.1 on the loopback, with one thread per connection. POCO parses the requests, but the sockets are our own: POCO's HTTP
/// server checks only four times a second whether it should stop, can miss a connection that was accepted just then, and cannot send a
/// malformed answer.
class HttpListener
{
public:
    /// How the answer to one request is sent.
    struct Reply
    {
        enum class Wire
        {
            whole,
            drip,  ///< one byte each `pause`
            cut,   ///< the connection ends in the middle of the body
            reset, ///< the other side sees a reset instead of an answer
        };
        Answer answer{};
        Wire wire = Wire::whole;
        Milliseconds pause{};
    };
    /// Called on the connection's thread; must return soon after the listener's owner has said so before stopping it.
    using Handler = std::function<Reply(const Request&)>;

    /// `port` 0: any that is free. Listens when it returns; throws Poco::Exception if it cannot.
    HttpListener(std::uint16_t port, Handler handler);
    /// Closes every connection and returns when all threads have ended.
    ~HttpListener();
    HttpListener(const HttpListener&) = delete;
    HttpListener& operator=(const HttpListener&) = delete;

    std::uint16_t port() const;

private:
    class WakeUp;
    struct Connection;

    void accept();
    void serve(Connection& connection);
    bool serveOne(Connection& connection, class Conversation& conversation);
    bool drip(Connection& connection, const std::string& text, Milliseconds pause);
    void reap();

    const Handler _handler;
    Poco::Net::ServerSocket _socket;
    const std::unique_ptr<WakeUp> _ending;
    std::mutex _mutex; // the connections, and whether each is open
    std::list<std::unique_ptr<Connection>> _connections;
    std::jthread _acceptor;
};

} // namespace Leasehold::Fake
