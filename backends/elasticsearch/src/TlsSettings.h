#pragma once

#include <memory>
#include <string>

using SSL_CTX = struct ssl_ctx_st;

namespace Leasehold
{

/// What the TLS connections of a transport share: TLS 1.2 or newer, the certificates to trust, and that the server's certificate
/// must be valid for its host. Thread-safe after construction.
class TlsSettings
{
public:
    /// `caFile`: a PEM file with the certificates to trust; empty: the system's. Throws LockConfigurationError naming `key` if it
    /// cannot be read.
    TlsSettings(const std::string& caFile, const std::string& key);
    ~TlsSettings();
    TlsSettings(const TlsSettings&) = delete;
    TlsSettings& operator=(const TlsSettings&) = delete;

    SSL_CTX* context() const { return _context.get(); }

private:
    std::shared_ptr<SSL_CTX> _context;
};

} // namespace Leasehold
