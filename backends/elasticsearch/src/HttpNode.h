#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace Leasehold
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

    /// Reads "http://host:9200" or "https://host/prefix"; the port is 9200 unless given. Throws LockConfigurationError naming `key`
    /// and what is wrong; a user or password in the address is refused, and never shown.
    static HttpNode parse(const std::string& url, const std::string& key);
};

/// Everything but A-Z a-z 0-9 - _ . ~ becomes %XX, and a text of dots alone too, which servers and proxies would take for a step in
/// the path.
std::string percentEncoded(std::string_view text);

} // namespace Leasehold
