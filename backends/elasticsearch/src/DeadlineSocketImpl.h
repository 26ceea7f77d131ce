#pragma once

#include "CallLimit.h"
#include "TlsLayer.h"

#include <Poco/Net/StreamSocketImpl.h>

#include <memory>
#include <optional>
#include <string>

namespace Leasehold
{

class TlsSettings;

/// A socket with a *total* deadline for all that is done until the next arm(), and that another thread can interrupt: POCO's
/// timeouts hold for each read, so a server that drips one byte a second never trips them. It speaks TLS if it is told to.
///
/// Waits throw Poco::TimeoutException; what ended them is kept, since streams swallow exceptions.
class DeadlineSocketImpl final : public Poco::Net::StreamSocketImpl, private TlsLayer::Carrier
{
public:
    enum class Ended
    {
        no,
        deadline,
        cancelled,
        closedByPeer
    };

    /// Throws HttpFailure if the system has no descriptor left. `tls` nullptr: plain.
    DeadlineSocketImpl(const TlsSettings* tls, std::string host);

    /// Starts a call: its deadline, and a clean record.
    void arm(CallLimit::Time deadline);
    /// From any thread, also after the call has ended.
    void interrupt() noexcept;

    Ended ended() const noexcept { return _ended; }
    /// Since arm(): bytes of ours that the system took. 0 means that the other side has seen nothing.
    std::size_t sent() const noexcept { return _sent; }
    /// True if there is something to read, an end of the connection included: an idle connection must have nothing.
    bool isStale() const;

    /// Connects within the deadline, TLS handshake included.
    void connect(const Poco::Net::SocketAddress& address) override;
    void connect(const Poco::Net::SocketAddress& address, const Poco::Timespan& timeout) override;
    int sendBytes(const void* buffer, int length, int flags = 0) override;
    int receiveBytes(void* buffer, int length, int flags = 0) override;

private:
    ~DeadlineSocketImpl() override;

    void sendRaw(const char* bytes, int count) override;
    int receiveRaw(char* bytes, int most) override;
    void await(short events);

    const TlsSettings* _tlsSettings;
    std::string _host;
    std::optional<TlsLayer> _tls;
    CallLimit::Time _deadline{};
    Ended _ended = Ended::no;
    std::size_t _sent = 0;
    int _interrupt = -1; // an eventfd
};

} // namespace Leasehold
