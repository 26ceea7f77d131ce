#include "HttpTransport.h"

#include "DeadlineSocketImpl.h"

#include <Poco/Base64Encoder.h>
#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/StreamSocket.h>

#include <algorithm>
#include <sstream>
#include <stop_token>

namespace Leasehold
{

namespace
{

// Firewalls forget connections that are idle for long, and then swallow what is sent on them.
constexpr auto idleAtMost = std::chrono::seconds(30);
constexpr std::size_t idleConnectionsAtMost = 32;
constexpr auto firstShun = std::chrono::milliseconds(500);
constexpr auto longestShun = std::chrono::seconds(30);
constexpr int mostHeaderFields = 200;

std::string base64(const std::string& text)
{
    std::ostringstream encoded;
    Poco::Base64Encoder encoder(encoded);
    encoder.rdbuf()->setLineLength(0);
    encoder << text;
    encoder.close();
    return encoded.str();
}

std::string authorizationOf(const HttpTransport::Options& options)
{
    if (!options.apiKey.empty())
        return "ApiKey " + options.apiKey;
    if (!options.user.empty())
        return "Basic " + base64(options.user + ":" + options.password);
    return {};
}

std::string addressesOf(const std::vector<HttpNode>& nodes)
{
    std::string text;
    for (const auto& node : nodes)
        text += (text.empty() ? "" : ", ") + node.address();
    return text;
}

/// Never connects by itself: POCO's session would connect and send again behind our back.
class OneConnectionSession : public Poco::Net::HTTPClientSession
{
public:
    explicit OneConnectionSession(const Poco::Net::StreamSocket& socket) : HTTPClientSession(socket)
    {
        setProxyConfig({});
        setKeepAlive(true);
        setKeepAliveTimeout(Poco::Timespan(1, 0, 0, 0, 0));
    }

protected:
    int write(const char* buffer, std::streamsize length) override { return HTTPSession::write(buffer, length); }
    void connect(const Poco::Net::SocketAddress&) override { throw Poco::Net::ConnectionResetException("the connection was closed"); }
};

struct DeadlineSocket : Poco::Net::StreamSocket
{
    explicit DeadlineSocket(DeadlineSocketImpl* impl) : StreamSocket(impl) {}
};

} // namespace

/// One connection and what speaks HTTP on it. Used by one thread at a time.
class HttpTransport::Connection
{
public:
    Connection(const TlsSettings* tls, const std::string& host) : _impl(new DeadlineSocketImpl(tls, host)), _socket(_impl) {}

    DeadlineSocketImpl& socket() { return *_impl; }

    void connect(const std::vector<Poco::Net::SocketAddress>& addresses)
    {
        for (std::size_t tried = 0;; ++tried)
        {
            try
            {
                _impl->connect(addresses[tried]);
                break;
            }
            catch (const Poco::Net::NetException&)
            {
                if (tried + 1 == addresses.size())
                    throw;
            }
        }
        _session = std::make_unique<OneConnectionSession>(_socket);
    }

    OneConnectionSession& session() { return *_session; }

    std::chrono::steady_clock::time_point lastUsed{};

private:
    DeadlineSocketImpl* _impl; // owned by _socket
    DeadlineSocket _socket;
    std::unique_ptr<OneConnectionSession> _session;
};

HttpTransport::HttpTransport(Options options) :
    _options(std::move(options)), _authorization(authorizationOf(_options)), _addresses(addressesOf(_options.nodes))
{
    if (_options.nodes.empty())
        throw std::invalid_argument("a transport needs a node");
    bool tls = false;
    for (const auto& node : _options.nodes)
    {
        tls = tls || node.tls;
        _nodes.emplace_back();
        _nodes.back().where = node;
    }
    if (tls)
        _tls.emplace(_options.caFile, _options.keyPrefix + "ca_file");
    _current = _options.firstNode % _nodes.size();
}

HttpTransport::~HttpTransport() = default;

HttpAnswer HttpTransport::send(const HttpRequest& request, const CallLimit& limit)
{
    using Outcome = HttpFailure::Outcome;
    if (limit.cancel.stop_requested())
        throw HttpFailure(Outcome::notSent, _addresses + ": the call was cancelled before it was sent");
    if (limit.timeLeft().count() == 0)
        throw HttpFailure(Outcome::notSent, _addresses + ": the call had no time left before it was sent");

    const auto nodes = order();
    std::string trouble;
    bool permanent = true;
    for (std::size_t tried = 0; tried < nodes.size(); ++tried)
    {
        // A node that swallows what is sent to it must not use up the time of those after it.
        const auto share = limit.timeLeft() / static_cast<int>(nodes.size() - tried);
        const auto connectBy = std::min(limit.deadline, std::chrono::steady_clock::now() + share);
        try
        {
            HttpAnswer answer = sendTo(nodes[tried], request, limit, connectBy);
            const bool ailing = answer.status == 502 || answer.status == 503 || answer.status == 504;
            ailing ? failed(nodes[tried]) : answered(nodes[tried]);
            return answer;
        }
        catch (const HttpFailure& failure)
        {
            if (!limit.cancel.stop_requested())
                failed(nodes[tried]);
            const std::string what = _nodes[nodes[tried]].where.address() + ": " + failure.what();
            trouble += (trouble.empty() ? "" : "; ") + what;
            permanent = permanent && failure.isPermanent();
            if (failure.outcome() == Outcome::unknown)
                throw HttpFailure(Outcome::unknown, trouble);
            if (limit.cancel.stop_requested() || limit.timeLeft().count() == 0)
                throw HttpFailure(Outcome::notSent, trouble);
        }
    }
    throw HttpFailure(Outcome::notSent, trouble, permanent);
}

// The current node and those after it that have not failed lately, then the others, the longest rested first.
std::vector<std::size_t> HttpTransport::order()
{
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(_mutex);
    std::vector<std::size_t> result;
    for (std::size_t step = 0; step < _nodes.size(); ++step)
        result.push_back((_current + step) % _nodes.size());
    std::stable_sort(result.begin(), result.end(),
                     [this, now](std::size_t left, std::size_t right)
                     { return std::max(_nodes[left].shunnedUntil, now) < std::max(_nodes[right].shunnedUntil, now); });
    return result;
}

HttpAnswer HttpTransport::sendTo(std::size_t index, const HttpRequest& request, const CallLimit& limit, CallLimit::Time connectBy)
{
    using Outcome = HttpFailure::Outcome;
    Node& node = _nodes[index];
    Poco::Net::HTTPRequest head(request.method, node.where.path + request.path, Poco::Net::HTTPMessage::HTTP_1_1);
    head.setHost(node.where.host, node.where.port);
    if (!_authorization.empty())
        head.set("Authorization", _authorization);
    if (!request.body.empty())
        head.setContentType(request.contentType);
    // Also when there is none: POCO ends a POST without a length by closing its side of the connection.
    if (!request.body.empty() || head.getMethod() != Poco::Net::HTTPRequest::HTTP_GET)
        head.setContentLength64(static_cast<Poco::Int64>(request.body.size()));

    for (;;)
    {
        auto connection = takeIdle(node);
        const bool pooled = connection != nullptr;
        if (!pooled)
            connection = std::make_unique<Connection>(node.where.tls ? &*_tls : nullptr, node.where.host);
        DeadlineSocketImpl& socket = connection->socket();
        socket.arm(pooled ? limit.deadline : connectBy);
        const auto interrupt = [&socket] { socket.interrupt(); };
        std::optional<std::stop_callback<decltype(interrupt)>> whenCancelled(std::in_place, limit.cancel, interrupt);

        const auto ending = [&socket](const std::string& otherwise) -> std::string
        {
            switch (socket.ended())
            {
            case DeadlineSocketImpl::Ended::deadline:
                return "no answer in time";
            case DeadlineSocketImpl::Ended::cancelled:
                return "the call was cancelled";
            case DeadlineSocketImpl::Ended::closedByPeer:
                return "the connection was closed before the answer was whole";
            case DeadlineSocketImpl::Ended::no:
                break;
            }
            return otherwise;
        };

        bool connected = pooled;
        try
        {
            if (!pooled)
            {
                connection->connect(_resolver.resolve(node.where.host, node.where.port, {connectBy, limit.cancel}));
                connected = true;
                socket.arm(limit.deadline);
                // A cancellation between the two calls of arm was swallowed by the second.
                if (limit.cancel.stop_requested())
                    throw HttpFailure(Outcome::notSent, "the call was cancelled");
            }

            auto& session = connection->session();
            // Small requests leave in one packet with their header; big ones in pieces as large as the system takes.
            constexpr std::size_t withHeader = 3000;
            auto& out = session.sendRequest(head);
            if (request.body.size() <= withHeader)
            {
                out.write(request.body.data(), static_cast<std::streamsize>(request.body.size()));
            }
            else
            {
                out.flush();
                if (out.good())
                    socket.sendBytes(request.body.data(), static_cast<int>(request.body.size()));
            }
            if (!out.good())
                throw Poco::Net::ConnectionResetException("the connection was closed while the request was sent");

            Poco::Net::HTTPResponse response;
            response.setFieldLimit(mostHeaderFields);
            auto& in = session.receiveResponse(response);
            HttpAnswer answer;
            answer.status = response.getStatus();
            answer.contentType = response.getContentType();
            answer.node = node.where.address();

            const bool chunked = response.getChunkedTransferEncoding();
            const auto length = response.getContentLength64();
            if (!chunked && length == Poco::Net::HTTPMessage::UNKNOWN_CONTENT_LENGTH && answer.status != 204 && answer.status != 304)
                throw HttpFailure(Outcome::unknown, "the answer (status " + std::to_string(answer.status) +
                                                        ") does not say how long it is, so a cut one could not be told from a whole one");
            if (!chunked && length > static_cast<Poco::Int64>(_options.mostBody))
                throw HttpFailure(Outcome::unknown, "the answer is longer than " + std::to_string(_options.mostBody) + " bytes");
            char buffer[16384];
            do
            {
                in.read(buffer, sizeof buffer);
                answer.body.append(buffer, static_cast<std::size_t>(in.gcount()));
                if (answer.body.size() > _options.mostBody)
                    throw HttpFailure(Outcome::unknown, "the answer is longer than " + std::to_string(_options.mostBody) + " bytes");
            } while (in.good());

            // The stream ends alike for a whole body, a cut one and a deadline.
            const bool whole = !in.bad() && socket.ended() == DeadlineSocketImpl::Ended::no &&
                               (chunked || length == Poco::Net::HTTPMessage::UNKNOWN_CONTENT_LENGTH ||
                                length == static_cast<Poco::Int64>(answer.body.size()));
            if (!whole)
                throw HttpFailure(Outcome::unknown, ending("the answer is not whole or not well-formed"));
            // From here on the connection may be another call's.
            whenCancelled.reset();
            if (response.getKeepAlive())
                giveBack(node, std::move(connection));
            return answer;
        }
        catch (const Poco::Exception& problem)
        {
            // A pooled connection that the other side had closed, noticed before it took a byte: a new one may work.
            if (pooled && socket.sent() == 0 && socket.ended() == DeadlineSocketImpl::Ended::no)
                continue;
            _resolver.forget(node.where.host);
            const bool timeIsUp =
                socket.ended() == DeadlineSocketImpl::Ended::deadline || socket.ended() == DeadlineSocketImpl::Ended::cancelled;
            if (!connected)
                throw HttpFailure(Outcome::notSent,
                                  "cannot connect: " +
                                      (timeIsUp ? ending({}) : std::string(problem.name()) + " (" + problem.message() + ")"));
            throw HttpFailure(socket.sent() == 0 ? Outcome::notSent : Outcome::unknown,
                              ending("no answer: " + std::string(problem.name())));
        }
    }
}

std::unique_ptr<HttpTransport::Connection> HttpTransport::takeIdle(Node& node)
{
    // What is discarded is closed after the lock is gone.
    std::vector<std::unique_ptr<Connection>> discarded;
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(_mutex);
    while (!node.idle.empty())
    {
        auto connection = std::move(node.idle.back());
        node.idle.pop_back();
        if (now - connection->lastUsed < idleAtMost && !connection->socket().isStale())
            return connection;
        discarded.push_back(std::move(connection));
    }
    return nullptr;
}

void HttpTransport::giveBack(Node& node, std::unique_ptr<Connection> connection)
{
    std::unique_ptr<Connection> discarded;
    connection->lastUsed = std::chrono::steady_clock::now();
    const std::lock_guard lock(_mutex);
    node.idle.push_back(std::move(connection));
    if (node.idle.size() > idleConnectionsAtMost)
    {
        discarded = std::move(node.idle.front());
        node.idle.pop_front();
    }
}

// Requests that are under way together fail together: one outage, and so one failure for each time of rest.
void HttpTransport::failed(std::size_t index)
{
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(_mutex);
    Node& node = _nodes[index];
    if (now < node.shunnedUntil)
        return;
    node.failures = std::min(node.failures + 1, 10U);
    node.shunnedUntil = now + std::min<std::chrono::milliseconds>(firstShun * (1 << (node.failures - 1)), longestShun);
}

void HttpTransport::answered(std::size_t index)
{
    const std::lock_guard lock(_mutex);
    _nodes[index].failures = 0;
    _nodes[index].shunnedUntil = {};
    _current = index;
}

} // namespace Leasehold
