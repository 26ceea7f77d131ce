#include "net/HttpTransport.h"

#include "HttpConnection.h"
#include "TlsLayer.h"

#include "Leasehold/Exceptions.h"

#include <Poco/Net/HTTPRequest.h>

#include <algorithm>

namespace Leasehold::Net
{

namespace
{

// Firewalls forget connections that are idle for long, and then swallow what is sent on them.
constexpr auto maxIdleTime = std::chrono::seconds(30);
constexpr std::size_t maxIdleConnections = 32;

std::vector<std::string> addressesOf(const std::vector<HttpNode>& nodes)
{
    std::vector<std::string> addresses;
    addresses.reserve(nodes.size());
    for (const auto& node : nodes)
        addresses.push_back(node.address());
    return addresses;
}

Poco::Net::HTTPRequest headOf(const HttpNode& node, const HttpRequest& request)
{
    Poco::Net::HTTPRequest head(request.method, node.path + request.path, Poco::Net::HTTPMessage::HTTP_1_1);
    head.setHost(node.host, node.port);
    if (!request.authorization.empty())
        head.set("Authorization", request.authorization);
    if (!request.body.empty())
        head.setContentType(request.contentType);
    // Set it also for an empty body: POCO ends a POST without a length by closing its side of the connection.
    if (!request.body.empty() || head.getMethod() != Poco::Net::HTTPRequest::HTTP_GET)
        head.setContentLength64(static_cast<Poco::Int64>(request.body.size()));
    return head;
}

} // namespace

HttpTransport::HttpTransport(Options options) : _options(std::move(options)), _choice(addressesOf(_options.nodes), _options.firstNode)
{
    bool tls = false;
    for (const auto& node : _options.nodes)
    {
        tls = tls || node.tls;
        _nodes.emplace_back();
        _nodes.back().where = node;
    }
    if (tls)
        _tls.emplace(_options.tls, _options.keyPrefix);
    for (const auto& node : _options.nodes)
    {
        if (node.tls && !TlsLayer::canCheck(*_tls, node.host))
            throw LockConfigurationError(_options.keyPrefix + "url: no certificate can be checked against the host of " + node.address() +
                                         ": allowed for https is a host name, an IPv4 address of four decimal numbers, or an IPv6 address "
                                         "without a zone");
    }
}

HttpTransport::~HttpTransport() = default;

HttpAnswer HttpTransport::send(const HttpRequest& request, const CallContext& context)
{
    HttpAnswer answer;
    tryNodes(context,
             [&](Node& node, const CallContext& whole, const CallContext& toConnect)
             {
                 answer = sendTo(node, request, whole, toConnect);
                 return answer.status;
             });
    return answer;
}

std::unique_ptr<HttpStream> HttpTransport::openStream(const HttpRequest& request, const CallContext& context)
{
    std::unique_ptr<HttpStream> stream;
    tryNodes(context,
             [&](Node& node, const CallContext& whole, const CallContext& toConnect)
             {
                 auto head = headOf(node.where, request);
                 stream = std::make_unique<HttpStream>(tlsOf(node), node.where.host, _options.maxBody);
                 try
                 {
                     open(node.where, stream->connection(), toConnect);
                     stream->begin(head, request.body, whole);
                 }
                 catch (const CallFailure&)
                 {
                     _resolver.forget(node.where.host);
                     throw;
                 }
                 return stream->status();
             });
    return stream;
}

/// Tries one node after the other until one answers or may have seen the request.
void HttpTransport::tryNodes(const CallContext& context, const Try& tryNode)
{
    using Outcome = CallFailure::Outcome;
    if (context.cancel().stop_requested())
        throw CallFailure(Outcome::notSent, addresses() + ": the call was cancelled before it was sent");
    if (context.timeLeft().count() == 0)
        throw CallFailure(Outcome::notSent, addresses() + ": the call had no time left before it was sent");

    std::vector<std::string> tried;
    std::string trouble;
    bool permanent = true;
    const auto nodes = _choice.order();
    for (const auto index : nodes)
    {
        // A node that never answers must not use up the time of those after it.
        const auto share = context.timeLeft() / static_cast<int>(nodes.size() - tried.size());
        try
        {
            return ask(index, tryNode, context, nodes.size() == 1 ? context : context.shortened(share));
        }
        catch (const CallFailure& failure)
        {
            tried.push_back(_choice.address(index));
            trouble += (trouble.empty() ? "" : "; ") + tried.back() + ": " + failure.what();
            permanent = permanent && failure.isPermanent();
            const bool unknown = failure.outcome() == Outcome::unknown;
            if (!unknown && !context.cancel().stop_requested() && context.timeLeft().count() > 0)
                continue;
            if (const auto others = troubles(tried); !others.empty())
                trouble += "; before that, " + others;
            throw CallFailure(unknown ? Outcome::unknown : Outcome::notSent, trouble);
        }
    }
    throw CallFailure(Outcome::notSent, trouble, permanent);
}

void HttpTransport::visitOthers(const HttpRequest& request, const CallContext& context)
{
    const auto nodes = _choice.order();
    for (std::size_t visited = 1; visited < nodes.size(); ++visited)
    {
        const auto share = context.shortened(context.timeLeft() / static_cast<int>(nodes.size() - visited));
        try
        {
            ask(
                nodes[visited],
                [&](Node& node, const CallContext& whole, const CallContext& toConnect)
                { return sendTo(node, request, whole, toConnect).status; },
                share, share);
        }
        catch (const CallFailure&) // NOLINT(bugprone-empty-catch): the node's trouble was noted
        {
        }
    }
}

void HttpTransport::reportFailed(const HttpAnswer& answer, const std::string& why)
{
    for (std::size_t index = 0; index < _choice.size(); ++index)
    {
        if (_choice.address(index) == answer.node)
            _choice.failed(index, why);
    }
}

/// One try at one node, and what it shows of the node.
void HttpTransport::ask(std::size_t index, const Try& tryNode, const CallContext& context, const CallContext& toConnect)
{
    try
    {
        const int status = tryNode(_nodes[index], context, toConnect);
        if (status == 502 || status == 503 || status == 504)
            _choice.failed(index, "it answered with status " + std::to_string(status));
        else
            _choice.answered(index);
    }
    catch (const CallFailure& failure)
    {
        if (!context.cancel().stop_requested())
            _choice.failed(index, failure.what());
        throw;
    }
}

HttpAnswer HttpTransport::sendTo(Node& node, const HttpRequest& request, const CallContext& context, const CallContext& toConnect)
{
    auto head = headOf(node.where, request);
    for (;;)
    {
        auto connection = takeIdle(node);
        const bool pooled = connection != nullptr;
        if (!pooled)
            connection = std::make_unique<HttpConnection>(tlsOf(node), node.where.host);
        try
        {
            if (!pooled)
                open(node.where, *connection, toConnect);
            HttpAnswer answer = connection->exchange(head, request.body, _options.maxBody, context);
            answer.node = node.where.address();
            if (connection->isReusable())
                giveBack(node, std::move(connection));
            return answer;
        }
        catch (const CallFailure&)
        {
            if (pooled && connection->wasClosedBefore())
                continue; // a new one may work
            _resolver.forget(node.where.host);
            throw;
        }
    }
}

template <typename AnyConnection>
void HttpTransport::open(const HttpNode& where, AnyConnection& connection, const CallContext& context)
{
    connection.connect(_resolver.resolve(where.host, where.port, context), context);
    _resolver.prefer(where.host, connection.peer().host());
}

std::unique_ptr<HttpConnection> HttpTransport::takeIdle(Node& node)
{
    // What is discarded is closed after the lock is gone.
    std::vector<std::unique_ptr<HttpConnection>> discarded;
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(_mutex);
    while (!node.idle.empty())
    {
        auto connection = std::move(node.idle.back());
        node.idle.pop_back();
        if (now - connection->lastUsed < maxIdleTime && !connection->isStale())
            return connection;
        discarded.push_back(std::move(connection));
    }
    return nullptr;
}

void HttpTransport::giveBack(Node& node, std::unique_ptr<HttpConnection> connection)
{
    std::unique_ptr<HttpConnection> discarded;
    connection->lastUsed = std::chrono::steady_clock::now();
    const std::lock_guard lock(_mutex);
    node.idle.push_back(std::move(connection));
    if (node.idle.size() > maxIdleConnections)
    {
        discarded = std::move(node.idle.front());
        node.idle.pop_front();
    }
}

} // namespace Leasehold::Net
