#pragma once

#include "CallLimit.h"
#include "HostResolver.h"
#include "HttpFailure.h"
#include "HttpNode.h"
#include "TlsSettings.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold
{

struct HttpRequest
{
    const char* method = "GET";
    std::string path{}; ///< with its query
    std::string body{};
    const char* contentType = "application/json";
};

/// An answer that came whole. Its status may be any.
struct HttpAnswer
{
    int status = 0;
    std::string contentType{};
    std::string body{};
    std::string node{}; ///< the address that answered, for messages
};

/// HTTP requests to one of several nodes: keep-alive connections in a pool per node, a total deadline for each request (look-up of
/// the name, connecting, TLS, sending and the whole answer), cancellation from another thread, and an answer that is known to be
/// whole. It never sends a request again that a node may have seen.
///
/// It stays with one node until that fails (no answer, or 502, 503, 504), then goes on with the next one that has not failed lately. If a
/// request was surely not sent, the next node is tried within the same call. Thread-safe.
class HttpTransport
{
public:
    struct Options
    {
        std::vector<HttpNode> nodes{}; ///< at least one
        std::string user{}, password{};
        std::string apiKey{};      ///< as the engine returns it encoded; instead of user and password
        std::string caFile{};      ///< empty: the system's certificates
        std::string keyPrefix{};   ///< of the configuration keys, for messages: "leasehold.store.elasticsearch."
        std::size_t firstNode = 0; ///< where to begin, so that the processes of a system spread over the nodes
        std::size_t mostBody = std::size_t{64} << 20;
    };

    /// Does not connect. Throws LockConfigurationError for a CA file that cannot be used.
    explicit HttpTransport(Options options);
    ~HttpTransport();
    HttpTransport(const HttpTransport&) = delete;
    HttpTransport& operator=(const HttpTransport&) = delete;

    /// Throws HttpFailure, whose message names the nodes and what happened, without secrets.
    HttpAnswer send(const HttpRequest& request, const CallLimit& limit);

    /// The addresses, for messages.
    const std::string& addresses() const noexcept { return _addresses; }

private:
    class Connection;
    struct Node
    {
        HttpNode where{};
        std::deque<std::unique_ptr<Connection>> idle{}; // the last one used is the first one taken
        std::chrono::steady_clock::time_point shunnedUntil{};
        unsigned failures = 0;
    };

    std::vector<std::size_t> order();
    HttpAnswer sendTo(std::size_t index, const HttpRequest& request, const CallLimit& limit, CallLimit::Time connectBy);
    std::unique_ptr<Connection> takeIdle(Node& node);
    void giveBack(Node& node, std::unique_ptr<Connection> connection);
    void failed(std::size_t index);
    void answered(std::size_t index);

    Options _options;
    std::string _authorization;
    std::string _addresses;
    std::optional<TlsSettings> _tls;
    HostResolver _resolver;
    std::mutex _mutex; // the nodes, and which of them is the current one
    std::deque<Node> _nodes;
    std::size_t _current = 0;
};

} // namespace Leasehold
