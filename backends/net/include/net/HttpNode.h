#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace Leasehold::Net
{

/// Where one node listens.
struct HttpNode
{
    bool tls = false;
    std::string host{}; ///< a name or a numeric address, IPv6 without brackets
    std::uint16_t port = 0;
    std::string path{}; ///< put before every path; without a final slash

    /// "https://es-1:9200": for messages and the configuration.
    std::string address() const;

    /// Reads "http://host:9200" or "https://host/prefix"; without a port it is `defaultPort`. Throws LockConfigurationError naming `key`
    /// and what is wrong; a user or password in the address is refused, and never shown.
    static HttpNode parse(const std::string& url, const std::string& key, std::uint16_t defaultPort);
    /// Throws what parse throws for an @.
    [[noreturn]] static void refuseCredentials(const std::string& key);
};

/// Encodes all bytes but A-Z a-z 0-9 - _ . ~ as %XX. A text of nothing but dots is encoded too: servers and proxies would take it for a
/// step in the path.
std::string percentEncoded(std::string_view text);

} // namespace Leasehold::Net
