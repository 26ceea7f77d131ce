#pragma once

#include <cstdint>
#include <string>

namespace Leasehold::PostgreSQL
{

/// Where a server listens.
struct ServerAddress
{
    std::string host{}; ///< a name, an address, or the folder of a unix socket
    std::uint16_t port = 5432;

    bool isUnixSocket() const { return host.starts_with('/'); }

    /// For people: "db-1:5432", "[::1]:5432", "/run/postgresql:5432".
    std::string text() const;

    /// Reads HOST, HOST:PORT, [ADDRESS]:PORT, /FOLDER or /FOLDER:PORT. Throws LockConfigurationError naming `key`.
    static ServerAddress parse(const std::string& text, const std::string& key);
};

} // namespace Leasehold::PostgreSQL
