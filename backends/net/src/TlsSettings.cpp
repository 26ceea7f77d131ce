#include "net/TlsSettings.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace Leasehold::Net
{

namespace
{

[[noreturn]] void refuse(const std::string& key, const std::string& file, const std::string& why)
{
    ERR_clear_error();
    throw LockConfigurationError(key + " = \"" + printable(file) + "\" cannot be used: " + why);
}

/// Without it OpenSSL asks at the terminal.
int noPassphrase(char*, int, int, void*)
{
    return 0;
}

} // namespace

TlsSettings::TlsSettings(const TlsFiles& files, const std::string& keyPrefix) : _context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free)
{
    if (!_context)
        throw LockConfigurationError("TLS cannot be used: OpenSSL has no context to give");
    if (SSL_CTX_set_min_proto_version(_context.get(), TLS1_2_VERSION) != 1)
        throw LockConfigurationError("TLS cannot be used: this OpenSSL knows no TLS 1.2");
    SSL_CTX_set_verify(_context.get(), SSL_VERIFY_PEER, nullptr);
    trust(files.ca, keyPrefix + "ca_file");
    if (!files.clientCertificate.empty() || !files.clientKey.empty())
        useClientCertificate(files, keyPrefix);
}

TlsSettings::~TlsSettings() = default;

void TlsSettings::trust(const std::string& caFile, const std::string& key)
{
    if (!caFile.empty())
    {
        if (SSL_CTX_load_verify_locations(_context.get(), caFile.c_str(), nullptr) != 1)
            refuse(key, caFile, "allowed is a readable PEM file with at least one certificate");
        return;
    }
    const bool loaded = SSL_CTX_set_default_verify_paths(_context.get()) == 1;
    ERR_clear_error();
    if (!loaded)
        throw LockConfigurationError("the system's certificates to trust cannot be read: set " + key + " to a PEM file");
}

void TlsSettings::useClientCertificate(const TlsFiles& files, const std::string& keyPrefix)
{
    const std::string certificateKey = keyPrefix + "client_certificate_file";
    const std::string keyKey = keyPrefix + "client_key_file";
    if (files.clientCertificate.empty() || files.clientKey.empty())
        throw LockConfigurationError((files.clientKey.empty() ? certificateKey : keyKey) + " is set without " +
                                     (files.clientKey.empty() ? keyKey : certificateKey) + ": set both or neither");
    SSL_CTX* const context = _context.get();
    SSL_CTX_set_default_passwd_cb(context, noPassphrase);
    if (SSL_CTX_use_certificate_chain_file(context, files.clientCertificate.c_str()) != 1)
        refuse(certificateKey, files.clientCertificate, "allowed is a readable PEM file that begins with the client's certificate");
    const X509* const certificate = SSL_CTX_get0_certificate(context);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        refuse(certificateKey, files.clientCertificate, "the certificate has expired: renew it");
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        refuse(certificateKey, files.clientCertificate, "the certificate is not valid yet: check the clock of this machine");
    if (SSL_CTX_use_PrivateKey_file(context, files.clientKey.c_str(), SSL_FILETYPE_PEM) != 1)
    {
        const auto problem = ERR_peek_last_error();
        if (ERR_GET_LIB(problem) == ERR_LIB_X509 && ERR_GET_REASON(problem) == X509_R_KEY_VALUES_MISMATCH)
            refuse(keyKey, files.clientKey, "it is not the key of the certificate in " + printable(files.clientCertificate));
        refuse(keyKey, files.clientKey, "allowed is a readable PEM file with a private key and no passphrase");
    }
}

} // namespace Leasehold::Net
