#pragma once

#include <memory>
#include <string>

using SSL = struct ssl_st;
using BIO = struct bio_st;

namespace Leasehold::Net
{

class TlsSettings;

/// Encrypts and decrypts the bytes that DeadlineSocketImpl sends and receives. POCO's secure sockets have no total deadline and cannot be
/// cancelled; that socket has both.
class TlsLayer
{
public:
    /// Sends and receives the encrypted bytes; both throw to give up.
    class Carrier
    {
    public:
        virtual void sendRaw(const char* bytes, int count) = 0;
        /// At least one byte, or 0 at the end of the connection.
        virtual int receiveRaw(char* bytes, int maxBytes) = 0;

    protected:
        ~Carrier() = default;
    };

    /// Whether OpenSSL can check a server's certificate against this host, a name or a numeric address.
    static bool canCheck(const TlsSettings& settings, const std::string& host);

    /// `host` is what the server's certificate must be for. Throws CallFailure (not sent): a permanent one if it cannot be checked.
    TlsLayer(const TlsSettings& settings, const std::string& host);
    ~TlsLayer();

    /// Throws CallFailure (not sent), a permanent one if the certificate is refused.
    void handshake(Carrier& carrier);
    void send(Carrier& carrier, const char* bytes, int count);
    /// 0 at the end of the connection.
    int receive(Carrier& carrier, char* bytes, int maxBytes);

private:
    void flush(Carrier& carrier);
    bool fill(Carrier& carrier);
    void throwAlert(Carrier& carrier);
    bool wantsMore(int result, const char* during);
    [[noreturn]] void refuseHandshake();

    std::unique_ptr<SSL, void (*)(SSL*)> _ssl;
    BIO* _incoming; // owned by _ssl, like the next
    BIO* _outgoing;
    std::string _host;
};

} // namespace Leasehold::Net
