#include "TlsSettings.h"

#include "Leasehold/Exceptions.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace Leasehold
{

TlsSettings::TlsSettings(const std::string& caFile, const std::string& key) : _context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free)
{
    if (!_context)
        throw LockConfigurationError("TLS cannot be used: OpenSSL has no context to give");
    SSL_CTX_set_min_proto_version(_context.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(_context.get(), SSL_VERIFY_PEER, nullptr);
    const bool loaded = caFile.empty() ? SSL_CTX_set_default_verify_paths(_context.get()) == 1
                                       : SSL_CTX_load_verify_locations(_context.get(), caFile.c_str(), nullptr) == 1;
    ERR_clear_error();
    if (!loaded)
        throw LockConfigurationError(
            caFile.empty() ? "the system's certificates to trust cannot be read: set " + key + " to a PEM file"
                           : key + " = \"" + caFile + "\" cannot be used: allowed is a readable PEM file with at least one certificate");
}

TlsSettings::~TlsSettings() = default;

} // namespace Leasehold
