#pragma once

#include "net/CallFailure.h"
#include "net/HostResolver.h"
#include "net/HttpMessage.h"
#include "net/HttpNode.h"
#include "net/HttpStream.h"
#include "net/NodeChoice.h"
#include "net/TlsSettings.h"

#include "Leasehold/Store/CallContext.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace Leasehold::Net
{

class HttpConnection;

/// HTTP requests to one of several nodes: keep-alive connections in a pool per node, a total deadline for each request (look-up of
/// the name, connecting, TLS, sending and the whole answer), cancellation from another thread, and an answer that is known to be
/// complete. It never sends a request again that a node may have seen.
///
/// NodeChoice says which node is asked; a node has failed if it gave no answer, or 502, 503 or 504. If a request was surely not sent, the
/// next node is tried within the same call. Thread-safe.
class HttpTransport
{
public:
    struct Options
    {
        std::vector<HttpNode> nodes{}; ///< at least one
        TlsFiles tls{};
        std::string keyPrefix{};   ///< of the configuration keys, for messages: "leasehold.store.elasticsearch."
        std::size_t firstNode = 0; ///< where to begin, so that the processes of a system spread over the nodes
        std::size_t maxBody = std::size_t{64} << 20;
    };

    /// Does not connect. Throws LockConfigurationError for certificates that cannot be used, and for an https address that no certificate
    /// can be checked against.
    explicit HttpTransport(Options options);
    ~HttpTransport();
    HttpTransport(const HttpTransport&) = delete;
    HttpTransport& operator=(const HttpTransport&) = delete;

    /// Throws CallFailure, whose message names the nodes and what happened, without secrets.
    HttpAnswer send(const HttpRequest& request, const CallContext& context);

    /// Sends a request whose answer has no end, on a connection of its own, and returns when the answer begins. Throws as send does. The
    /// stream must not outlive the transport.
    std::unique_ptr<HttpStream> openStream(const HttpRequest& request, const CallContext& context);

    /// The caller found in the answer that its node cannot serve: the next request goes to another node.
    void reportFailed(const HttpAnswer& answer, const std::string& why);

    /// Sends a request that changes nothing to every node but the current one, to learn of their troubles.
    void visitOthers(const HttpRequest& request, const CallContext& context);
    /// See NodeChoice.
    std::string troubles(std::span<const std::string> except = {}) const { return _choice.troubles(except); }

    /// The addresses, for messages.
    const std::string& addresses() const noexcept { return _choice.addresses(); }

private:
    struct Node
    {
        HttpNode where{};
        std::deque<std::unique_ptr<HttpConnection>> idle{}; // the last one used is the first one taken
    };
    /// One try at a node; returns the status of its answer. The second context ends sooner: time to connect.
    using Try = std::function<int(Node&, const CallContext&, const CallContext&)>;

    void tryNodes(const CallContext& context, const Try& tryNode);
    void ask(std::size_t index, const Try& tryNode, const CallContext& context, const CallContext& toConnect);
    HttpAnswer sendTo(Node& node, const HttpRequest& request, const CallContext& context, const CallContext& toConnect);
    const TlsSettings* tlsOf(const Node& node) const { return node.where.tls ? &*_tls : nullptr; }
    template <typename AnyConnection>
    void open(const HttpNode& where, AnyConnection& connection, const CallContext& context);
    std::unique_ptr<HttpConnection> takeIdle(Node& node);
    void giveBack(Node& node, std::unique_ptr<HttpConnection> connection);

    Options _options;
    std::optional<TlsSettings> _tls;
    HostResolver _resolver;
    NodeChoice _choice;
    std::mutex _mutex; // the idle connections
    std::deque<Node> _nodes;
};

} // namespace Leasehold::Net
