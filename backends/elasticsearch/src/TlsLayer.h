#pragma once

#include <memory>
#include <string>

using SSL = struct ssl_st;
using BIO = struct bio_st;

namespace Leasehold
{

class TlsSettings;

/// TLS over bytes that somebody else carries. POCO's secure sockets know no total deadline and cannot be cancelled, so the bytes
/// go through DeadlineSocketImpl, which can do both, and this only turns them into plain text and back.
class TlsLayer
{
public:
    /// The side that moves the encrypted bytes; both throw to give up.
    class Carrier
    {
    public:
        virtual void sendRaw(const char* bytes, int count) = 0;
        /// At least one byte, or 0 at the end of the connection.
        virtual int receiveRaw(char* bytes, int most) = 0;

    protected:
        ~Carrier() = default;
    };

    /// `host` is a name or a numeric address, which the server's certificate must be for.
    TlsLayer(const TlsSettings& settings, const std::string& host);
    ~TlsLayer();

    /// Throws HttpFailure (not sent), a permanent one if the certificate is refused.
    void handshake(Carrier& carrier);
    void send(Carrier& carrier, const char* bytes, int count);
    /// 0 at the end of the connection.
    int receive(Carrier& carrier, char* bytes, int most);

private:
    void flush(Carrier& carrier);
    bool fill(Carrier& carrier);
    bool wantsMore(int result, const char* during);

    std::unique_ptr<SSL, void (*)(SSL*)> _ssl;
    BIO* _incoming; // owned by _ssl, like the next
    BIO* _outgoing;
    std::string _host;
};

} // namespace Leasehold
