#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace Leasehold::Redis
{

/// Where a server listens.
struct ServerAddress
{
    std::string host{}; ///< a name or a numeric address, IPv6 without brackets; empty: the path of a unix socket counts
    std::uint16_t port = 0;
    std::string path{};

    /// "cache-1:6379", "[::1]:6379", "/run/redis.sock".
    std::string text() const;

    /// Reads the forms of text(). Without a port it is `defaultPort`. Throws LockConfigurationError, which names `key` and the allowed
    /// values. A user or password is refused and never shown.
    static ServerAddress parse(const std::string& text, const std::string& key, std::uint16_t defaultPort);

    /// Reads "host:port" of a server's answer, IPv6 without brackets. nullopt: it is none.
    static std::optional<ServerAddress> ofServer(std::string_view text);

    friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};

} // namespace Leasehold::Redis
