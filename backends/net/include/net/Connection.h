#pragma once

#include "net/TlsSettings.h"

#include "Leasehold/Store/CallContext.h"

#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::Net
{

class DeadlineSocketImpl;

/// One connection over TCP or to a unix socket, plain or with TLS, for stores with a protocol of their own. Each step ends at the deadline
/// of its call, however slowly the server sends, and when the call is cancelled. Used by one thread at a time.
///
/// After a failure it must be closed: a late answer would be read as that of the next call.
class Connection
{
public:
    /// `tls` nullptr: plain; it must outlive the connection. `host`: what the server's certificate must be for. Throws CallFailure
    /// (not sent) if the system has no descriptor left.
    Connection(const TlsSettings* tls, const std::string& host);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// The address of a unix socket. Throws LockConfigurationError naming `key` if the path is empty or too long for one.
    static Poco::Net::SocketAddress unixAddress(const std::string& path, const std::string& key);

    /// Connects to the first of `addresses` that can be used, TLS included. Each gets its share of the time that is left, so that an
    /// address that never answers leaves time for the next. Throws CallFailure (not sent) that says what happened to each.
    void connect(const std::vector<Poco::Net::SocketAddress>& addresses, const CallContext& context);
    /// The address that it is connected to.
    const Poco::Net::SocketAddress& peer() const noexcept { return _peer; }

    /// Throws CallFailure: not sent if the system took none of the bytes, else unknown.
    void sendAll(std::string_view bytes, const CallContext& context);
    /// At least one byte; how many. Throws CallFailure (unknown), also when the server has closed the connection.
    std::size_t receiveSome(std::span<char> into, const CallContext& context);
    /// After a failure of receiveSome: it was the deadline, nothing else, so that receiveSome may be called again.
    bool timedOut() const noexcept;
    /// The same for the cancellation of the call.
    bool wasCancelled() const noexcept;

    /// For an idle connection: the server has closed it, or has sent bytes without a request.
    bool isStale() const;

private:
    friend class HttpConnection;
    struct Socket;

    void begin(const CallContext& context);
    /// What ended the socket's last wait, if something did.
    std::string ending(const std::string& otherwise) const;

    DeadlineSocketImpl* _impl; // owned by _socket
    Poco::Net::StreamSocket _socket;
    Poco::Net::SocketAddress _peer{};
};

} // namespace Leasehold::Net
