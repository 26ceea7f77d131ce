#include "TlsLayer.h"

#include "net/CallFailure.h"
#include "net/TlsSettings.h"

#include "Leasehold/printable.h"

#include <Poco/Net/IPAddress.h>
#include <Poco/Net/NetException.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace Leasehold::Net
{

namespace
{

/// In words. Of several errors the first one counts; those after it say where OpenSSL noticed it.
std::string reasonOf(unsigned long error)
{
    const char* const reason = ERR_reason_error_string(error);
    return reason != nullptr ? printable(reason) : "OpenSSL gives no reason";
}

/// The server's alert that it does not accept the certificate of this client, or misses one.
bool refusesClient(unsigned long error)
{
    switch (ERR_GET_REASON(error))
    {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return true;
    default:
        return false;
    }
}

constexpr const char* clientRefused = ": the server refuses this client's certificate, or wants one: check client_certificate_file";

/// False: OpenSSL does not accept the host, and would skip the check silently.
bool requireHost(SSL* ssl, const std::string& host)
{
    Poco::Net::IPAddress numeric;
    if (Poco::Net::IPAddress::tryParse(host, numeric))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

} // namespace

bool TlsLayer::canCheck(const TlsSettings& settings, const std::string& host)
{
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(settings.context()), SSL_free);
    const bool taken = ssl && requireHost(ssl.get(), host);
    ERR_clear_error();
    return taken;
}

TlsLayer::TlsLayer(const TlsSettings& settings, const std::string& host) :
    _ssl(SSL_new(settings.context()), SSL_free), _incoming(BIO_new(BIO_s_mem())), _outgoing(BIO_new(BIO_s_mem())), _host(host)
{
    if (!_ssl || _incoming == nullptr || _outgoing == nullptr)
    {
        BIO_free(_incoming);
        BIO_free(_outgoing);
        throw CallFailure(CallFailure::Outcome::notSent, "TLS has no memory");
    }
    BIO_set_mem_eof_return(_incoming, -1);
    SSL_set_bio(_ssl.get(), _incoming, _outgoing);
    SSL_set_connect_state(_ssl.get());
    if (!requireHost(_ssl.get(), host))
        throw CallFailure(CallFailure::Outcome::notSent, "no certificate can be checked against the host " + host, true);
}

TlsLayer::~TlsLayer() = default;

void TlsLayer::handshake(Carrier& carrier)
{
    for (;;)
    {
        ERR_clear_error();
        const int result = SSL_do_handshake(_ssl.get());
        flush(carrier);
        if (result == 1)
            return;
        if (SSL_get_error(_ssl.get(), result) != SSL_ERROR_WANT_READ)
            refuseHandshake();
        if (!fill(carrier))
            throw CallFailure(CallFailure::Outcome::notSent, _host + " closed the connection during the TLS handshake");
    }
}

void TlsLayer::refuseHandshake()
{
    const auto error = ERR_get_error();
    if (const long verified = SSL_get_verify_result(_ssl.get()); verified != X509_V_OK)
        throw CallFailure(CallFailure::Outcome::notSent,
                          "the certificate of " + _host + " is refused: " + X509_verify_cert_error_string(verified), true);
    const std::string failed = "the TLS handshake with " + _host + " failed: " + reasonOf(error);
    switch (ERR_GET_REASON(error))
    {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        throw CallFailure(CallFailure::Outcome::notSent, failed + ": let the node, or the proxy before it, speak TLS 1.2 or newer", true);
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        throw CallFailure(CallFailure::Outcome::notSent, failed + ": is it an https port?");
    default:
        throw CallFailure(CallFailure::Outcome::notSent, failed + (refusesClient(error) ? clientRefused : ""), refusesClient(error));
    }
}

void TlsLayer::send(Carrier& carrier, const char* bytes, int count)
{
    while (count > 0)
    {
        ERR_clear_error();
        const int written = SSL_write(_ssl.get(), bytes, count);
        try
        {
            flush(carrier);
        }
        catch (const Poco::Net::ConnectionResetException&)
        {
            throwAlert(carrier);
            throw;
        }
        if (written > 0)
        {
            bytes += written;
            count -= written;
        }
        else if (!wantsMore(written, "sending") || !fill(carrier))
        {
            throw Poco::Net::ConnectionResetException("the TLS connection was closed");
        }
    }
}

// A server that refuses the client's certificate says so and resets the connection; sending may notice the reset first.
void TlsLayer::throwAlert(Carrier& carrier)
{
    try
    {
        while (fill(carrier))
        {
        }
    }
    catch (const Poco::Exception&) // NOLINT(bugprone-empty-catch): the reset again, after the last byte
    {
    }
    char byte = 0;
    ERR_clear_error();
    if (const int result = SSL_read(_ssl.get(), &byte, 1); result <= 0)
        wantsMore(result, "sending");
}

int TlsLayer::receive(Carrier& carrier, char* bytes, int maxBytes)
{
    for (;;)
    {
        ERR_clear_error();
        const int got = SSL_read(_ssl.get(), bytes, maxBytes);
        flush(carrier);
        if (got > 0)
            return got;
        if (!wantsMore(got, "receiving") || !fill(carrier))
            return 0;
    }
}

// True: more bytes from the server are needed. False: the server has ended TLS.
bool TlsLayer::wantsMore(int result, const char* during)
{
    switch (SSL_get_error(_ssl.get(), result))
    {
    case SSL_ERROR_WANT_READ:
        return true;
    case SSL_ERROR_ZERO_RETURN:
        return false;
    default:
    {
        const auto error = ERR_get_error();
        throw Poco::Net::NetException(std::string("a TLS error while ") + during + ": " + reasonOf(error) +
                                      (refusesClient(error) ? clientRefused : ""));
    }
    }
}

void TlsLayer::flush(Carrier& carrier)
{
    char* pending = nullptr;
    const long count = BIO_get_mem_data(_outgoing, &pending);
    if (count > 0)
        carrier.sendRaw(pending, static_cast<int>(count));
    (void)BIO_reset(_outgoing);
}

bool TlsLayer::fill(Carrier& carrier)
{
    char buffer[16384];
    const int got = carrier.receiveRaw(buffer, sizeof buffer);
    if (got > 0 && BIO_write(_incoming, buffer, got) != got)
        throw Poco::Net::NetException("TLS has no memory");
    return got > 0;
}

} // namespace Leasehold::Net
