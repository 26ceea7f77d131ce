#include "TlsLayer.h"

#include "HttpFailure.h"
#include "TlsSettings.h"

#include <Poco/Net/IPAddress.h>
#include <Poco/Net/NetException.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace Leasehold
{

TlsLayer::TlsLayer(const TlsSettings& settings, const std::string& host) :
    _ssl(SSL_new(settings.context()), SSL_free), _incoming(BIO_new(BIO_s_mem())), _outgoing(BIO_new(BIO_s_mem())), _host(host)
{
    if (!_ssl || _incoming == nullptr || _outgoing == nullptr)
    {
        BIO_free(_incoming);
        BIO_free(_outgoing);
        throw HttpFailure(HttpFailure::Outcome::notSent, "TLS has no memory");
    }
    BIO_set_mem_eof_return(_incoming, -1);
    SSL_set_bio(_ssl.get(), _incoming, _outgoing);
    SSL_set_connect_state(_ssl.get());
    Poco::Net::IPAddress numeric;
    if (Poco::Net::IPAddress::tryParse(host, numeric))
    {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(_ssl.get()), host.c_str());
    }
    else
    {
        SSL_set_hostflags(_ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        SSL_set1_host(_ssl.get(), host.c_str());
        SSL_set_tlsext_host_name(_ssl.get(), host.c_str());
    }
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
        {
            const long verified = SSL_get_verify_result(_ssl.get());
            if (verified != X509_V_OK)
                throw HttpFailure(HttpFailure::Outcome::notSent,
                                  "the certificate of " + _host + " is refused: " + X509_verify_cert_error_string(verified), true);
            throw HttpFailure(HttpFailure::Outcome::notSent, "the TLS handshake with " + _host + " failed: is it an https port?");
        }
        if (!fill(carrier))
            throw HttpFailure(HttpFailure::Outcome::notSent, _host + " closed the connection during the TLS handshake");
    }
}

void TlsLayer::send(Carrier& carrier, const char* bytes, int count)
{
    while (count > 0)
    {
        ERR_clear_error();
        const int written = SSL_write(_ssl.get(), bytes, count);
        flush(carrier);
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

int TlsLayer::receive(Carrier& carrier, char* bytes, int most)
{
    for (;;)
    {
        ERR_clear_error();
        const int got = SSL_read(_ssl.get(), bytes, most);
        flush(carrier);
        if (got > 0)
            return got;
        if (!wantsMore(got, "receiving") || !fill(carrier))
            return 0;
    }
}

// True: more bytes from the other side are needed. False: it said that it is done.
bool TlsLayer::wantsMore(int result, const char* during)
{
    switch (SSL_get_error(_ssl.get(), result))
    {
    case SSL_ERROR_WANT_READ:
        return true;
    case SSL_ERROR_ZERO_RETURN:
        return false;
    default:
        throw Poco::Net::NetException(std::string("a TLS error while ") + during);
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
    if (got > 0)
        BIO_write(_incoming, buffer, got);
    return got > 0;
}

} // namespace Leasehold
