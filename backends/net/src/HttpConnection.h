#pragma once

#include "net/Connection.h"
#include "net/HttpMessage.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace Poco::Net
{
class HTTPRequest;
}

namespace Leasehold::Net
{

/// One connection to a node, kept for further requests, and HTTP on it by POCO's client session. Every call ends at its deadline or when it
/// is cancelled. Used by one thread at a time.
class HttpConnection
{
public:
    /// `tls` nullptr: plain. Throws CallFailure (not sent) if the system has no descriptor left.
    HttpConnection(const TlsSettings* tls, const std::string& host);
    ~HttpConnection();
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    /// See Connection.
    void connect(const std::vector<Poco::Net::SocketAddress>& addresses, const CallContext& context);
    const Poco::Net::SocketAddress& peer() const noexcept { return _connection.peer(); }
    bool isStale() const { return _connection.isStale(); }

    /// Sends one request and reads the whole answer. Throws CallFailure; after that, or if it is not isReusable, the connection cannot
    /// be used again.
    HttpAnswer exchange(Poco::Net::HTTPRequest& head, const std::string& body, std::size_t maxBody, const CallContext& context);
    /// After an answer: the node keeps the connection open.
    bool isReusable() const noexcept { return _reusable; }
    /// After a failure: the node had closed the connection before the system took a byte of the request.
    bool wasClosedBefore() const noexcept { return _closedBefore; }

    std::chrono::steady_clock::time_point lastUsed{};

private:
    class Session;

    void sendRequest(Poco::Net::HTTPRequest& head, const std::string& body);
    HttpAnswer readAnswer(std::size_t maxBody);

    Connection _connection;
    std::unique_ptr<Session> _session;
    bool _reusable = false;
    bool _closedBefore = false;
};

} // namespace Leasehold::Net
