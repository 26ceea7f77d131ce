#include "HttpListener.h"

#include <cerrno>
#include <optional>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <Poco/Exception.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/HTTPServerResponseImpl.h>
#include <Poco/Net/HTTPServerSession.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/StreamCopier.h>

namespace Leasehold::Fake
{

namespace
{

constexpr std::streamsize maxBodyBytes = 100 * 1024 * 1024; // the engines' http.max_content_length

std::string headOf(const Answer& answer)
{
    const auto reason = Poco::Net::HTTPResponse::getReasonForStatus(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(answer.status));
    return "HTTP/1.1 " + std::to_string(answer.status) + " " + reason + "\r\ncontent-type: " + answer.contentType +
           "\r\ncontent-length: " + std::to_string(answer.body.size()) + "\r\n\r\n";
}

} // namespace

/// A descriptor that becomes readable when the listener stops.
class HttpListener::WakeUp
{
public:
    WakeUp() : _descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    {
        if (_descriptor < 0)
            throw Poco::IOException("no descriptor is left for the fake server");
    }
    ~WakeUp() { ::close(_descriptor); }
    WakeUp(const WakeUp&) = delete;
    WakeUp& operator=(const WakeUp&) = delete;

    void raise() { ::eventfd_write(_descriptor, 1); }

    /// Waits until `other` (-1: nothing) is readable, until raised, or for `milliseconds` (-1: without end). True: raised.
    bool wait(int other, int milliseconds) const
    {
        pollfd wanted[] = {{_descriptor, POLLIN, 0}, {other, POLLIN, 0}};
        while (::poll(wanted, 2, milliseconds) < 0 && errno == EINTR)
        {
        }
        return wanted[0].revents != 0;
    }

private:
    const int _descriptor;
};

struct HttpListener::Connection
{
    Poco::Net::StreamSocket socket{};
    int descriptor = -1; // for shutting down from another thread; -1: closed
    bool done = false;   // its thread has nothing more to do
    std::jthread thread{};
};

/// One connection's HTTP, as POCO reads it.
class Conversation
{
public:
    explicit Conversation(const Poco::Net::StreamSocket& socket) : _params(patient()), _session(socket, _params) {}

    bool awaitsMore() { return _session.hasMoreRequests(); }

    /// False if the body is longer than the engines accept.
    bool read(Request& request)
    {
        Poco::Net::HTTPServerResponseImpl response(_session);
        Poco::Net::HTTPServerRequestImpl head(response, _session, _params.get());
        if (head.getExpectContinue())
            response.sendContinue();
        request.method = head.getMethod();
        request.target = head.getURI();
        request.contentType = head.get("Content-Type", "");
        _keepAlive = head.getKeepAlive();
        if (head.getContentLength64() > maxBodyBytes)
            return false;
        Poco::StreamCopier::copyToString(head.stream(), request.body);
        if (head.hasContentLength() && static_cast<std::streamsize>(request.body.size()) != head.getContentLength64())
            throw Poco::Net::MessageException("the request's body ended early");
        return static_cast<std::streamsize>(request.body.size()) <= maxBodyBytes;
    }

    bool keepsAlive() const { return _keepAlive; }

private:
    static Poco::Net::HTTPServerParams* patient()
    {
        auto* const params = new Poco::Net::HTTPServerParams;
        params->setTimeout(Poco::Timespan(3600, 0));
        params->setKeepAliveTimeout(Poco::Timespan(3600, 0));
        params->setMaxKeepAliveRequests(0);
        return params;
    }

    Poco::Net::HTTPServerParams::Ptr _params;
    Poco::Net::HTTPServerSession _session;
    bool _keepAlive = true;
};

HttpListener::HttpListener(std::uint16_t port, Handler handler) : _handler(std::move(handler)), _ending(std::make_unique<WakeUp>())
{
    // Another's port is refused, not shared with it, as POCO would.
    _socket.bind(Poco::Net::SocketAddress("127.0.0.1", port), true, false);
    _socket.listen(256);
    _socket.setBlocking(false); // who has gone again must not keep the acceptor waiting
    _acceptor = std::jthread([this] { accept(); });
}

HttpListener::~HttpListener()
{
    _ending->raise();
    _acceptor.join();
    {
        const std::lock_guard lock(_mutex);
        for (const auto& connection : _connections)
        {
            if (connection->descriptor >= 0)
                ::shutdown(connection->descriptor, SHUT_RDWR);
        }
    }
    _connections.clear(); // joins
    _socket.close();
}

std::uint16_t HttpListener::port() const
{
    return _socket.address().port();
}

void HttpListener::accept()
{
    for (;;)
    {
        if (_ending->wait(_socket.impl()->sockfd(), -1))
            return;
        try
        {
            auto connection = std::make_unique<Connection>();
            connection->socket = _socket.acceptConnection();
            connection->socket.setNoDelay(true);
            connection->descriptor = connection->socket.impl()->sockfd();
            reap();
            const std::lock_guard lock(_mutex);
            auto& mine = *_connections.emplace_back(std::move(connection));
            mine.thread = std::jthread([this, &mine] { serve(mine); });
        }
        catch (const Poco::Exception&)
        {
            // The other side has gone already, or there is no descriptor left just now.
            _ending->wait(-1, 10);
        }
    }
}

void HttpListener::serve(Connection& connection)
{
    std::optional<Conversation> conversation;
    try
    {
        conversation.emplace(connection.socket);
        while (conversation->awaitsMore() && serveOne(connection, *conversation))
        {
        }
    }
    catch (const Poco::Exception&)
    {
        // The other side has gone, or does not speak HTTP.
    }
    const std::lock_guard lock(_mutex);
    conversation.reset(); // closes the descriptor; stop() must not use its number after that
    connection.socket.close();
    connection.descriptor = -1;
    connection.done = true;
}

// False: the connection ends.
bool HttpListener::serveOne(Connection& connection, Conversation& conversation)
{
    Request request;
    Reply reply;
    if (conversation.read(request))
        reply = _handler(request);
    else
        reply.answer = {413, "text/plain; charset=UTF-8", {}};

    // An answer to HEAD has a length and no body.
    const std::string head = headOf(reply.answer);
    const std::string& body = request.method == "HEAD" ? std::string() : reply.answer.body;
    switch (reply.wire)
    {
    case Reply::Wire::whole:
    {
        const std::string text = head + body;
        for (std::size_t sent = 0; sent < text.size();)
            sent += static_cast<std::size_t>(connection.socket.sendBytes(text.data() + sent, static_cast<int>(text.size() - sent)));
        return conversation.keepsAlive();
    }
    case Reply::Wire::drip:
        return drip(connection, head + body, reply.pause) && conversation.keepsAlive();
    case Reply::Wire::cut:
    {
        const std::string text = head + body.substr(0, body.size() / 2);
        connection.socket.sendBytes(text.data(), static_cast<int>(text.size()));
        return false;
    }
    case Reply::Wire::reset:
        connection.socket.setLinger(true, 0);
        return false;
    }
    return false;
}

bool HttpListener::drip(Connection& connection, const std::string& text, Milliseconds pause)
{
    for (const char byte : text)
    {
        if (_ending->wait(-1, static_cast<int>(pause.count())))
            return false;
        connection.socket.sendBytes(&byte, 1);
    }
    return true;
}

/// Forgets connections that have ended.
void HttpListener::reap()
{
    const std::lock_guard lock(_mutex);
    std::erase_if(_connections, [](const auto& connection) { return connection->done; });
}

} // namespace Leasehold::Fake
