#pragma once

#include "TlsLayer.h"

#include "Leasehold/Store/CallContext.h"

#include <Poco/Net/StreamSocketImpl.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace Leasehold::Net
{

class TlsSettings;

/// A socket with a *total* deadline for everything until the next arm(). Another thread can interrupt it. POCO's timeouts hold for each
/// read, so a server that sends one byte a second never meets them.
///
/// Waits throw Poco::TimeoutException. ended() keeps the reason, because streams swallow exceptions.
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

    /// Throws CallFailure if the system has no descriptor left. `tls` nullptr: plain.
    DeadlineSocketImpl(const TlsSettings* tls, std::string host);

    /// Starts a step of a call: its deadline, and a clean record. Before any step, the deadline has passed.
    void arm(const CallContext& context);
    /// From any thread, also after the call has ended.
    void interrupt() noexcept;

    Ended ended() const noexcept { return _ended; }
    /// Since arm(): bytes that the system took. 0 means that the server has seen nothing.
    std::size_t sent() const noexcept { return _sent; }
    /// True if there is something to read, an end of the connection included: an idle connection must have nothing.
    bool isStale() const;

    /// Connects over TCP or to a unix socket within the deadline, TLS handshake included.
    void connect(const Poco::Net::SocketAddress& address) override;
    void connect(const Poco::Net::SocketAddress& address, const Poco::Timespan& timeout) override;
    int sendBytes(const void* buffer, int length, int flags = 0) override;
    int receiveBytes(void* buffer, int length, int flags = 0) override;

private:
    ~DeadlineSocketImpl() override;

    void sendRaw(const char* bytes, int count) override;
    int receiveRaw(char* bytes, int maxBytes) override;
    void await(short events);
    [[noreturn]] void endCancelled();

    const TlsSettings* _tlsSettings;
    std::string _host;
    std::optional<TlsLayer> _tls;
    CallContext _context = CallContext::within(Milliseconds(0));
    Ended _ended = Ended::no;
    std::size_t _sent = 0;
    int _interrupt = -1; // an eventfd
    std::atomic<bool> _wasInterrupted{false};
};

} // namespace Leasehold::Net
