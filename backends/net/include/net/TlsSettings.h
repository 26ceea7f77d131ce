#pragma once

#include <memory>
#include <string>

using SSL_CTX = struct ssl_ctx_st;

namespace Leasehold::Net
{

/// PEM files; each may be empty.
struct TlsFiles
{
    std::string ca{};                ///< certificates to trust; empty: the system's
    std::string clientCertificate{}; ///< of this client, for servers that ask for one, with its intermediate ones
    std::string clientKey{};         ///< without a passphrase; set together with the certificate
};

/// What all TLS connections of a store share: TLS 1.2 or newer, the certificates to trust, the client's own certificate, and that the
/// server's certificate must be valid for its host. Thread-safe after construction.
class TlsSettings
{
public:
    /// Throws LockConfigurationError for a file that cannot be used: it names the file, its key (`keyPrefix` and ca_file,
    /// client_certificate_file or client_key_file) and what is wrong.
    TlsSettings(const TlsFiles& files, const std::string& keyPrefix);
    ~TlsSettings();
    TlsSettings(const TlsSettings&) = delete;
    TlsSettings& operator=(const TlsSettings&) = delete;

    SSL_CTX* context() const { return _context.get(); }

private:
    void trust(const std::string& caFile, const std::string& key);
    void useClientCertificate(const TlsFiles& files, const std::string& keyPrefix);

    std::shared_ptr<SSL_CTX> _context;
};

} // namespace Leasehold::Net
