#include "ServerAddress.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"

#include <algorithm>
#include <charconv>

namespace Leasehold::Redis
{
namespace
{

std::optional<std::uint16_t> portOf(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0)
        return std::nullopt;
    return port;
}

bool isHost(std::string_view host)
{
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";
    return !host.empty() && host.size() <= 255 && host.find_first_not_of(allowed) == std::string_view::npos;
}

/// The end of the host in "host:port", "[::1]:port", or either without the port.
std::size_t endOfHost(std::string_view text)
{
    if (text.starts_with('['))
    {
        const auto bracket = text.find(']');
        return bracket == std::string_view::npos ? std::string_view::npos : bracket + 1;
    }
    return std::min(text.find(':'), text.size());
}

} // namespace

std::string ServerAddress::text() const
{
    if (host.empty())
        return path;
    const bool isIpv6 = host.find(':') != std::string::npos;
    return (isIpv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

ServerAddress ServerAddress::parse(const std::string& text, const std::string& key, std::uint16_t defaultPort)
{
    if (text.starts_with('/'))
        return {.path = text};
    constexpr const char* allowed = "allowed is HOST, HOST:PORT, [IPv6]:PORT or the absolute path of a unix socket";
    if (text.find('@') != std::string::npos)
        throw LockConfigurationError(key + " contains an @: " + allowed + "; a user and a password are keys of their own");
    const auto end = endOfHost(text);
    if (end != std::string::npos)
    {
        const bool bracketed = text.starts_with('[');
        const auto host = bracketed ? text.substr(1, end - 2) : text.substr(0, end);
        const auto rest = text.substr(end);
        const auto port = rest.empty() ? std::optional(defaultPort) : rest.front() == ':' ? portOf(rest.substr(1)) : std::nullopt;
        if (isHost(host) && port && (bracketed || host.find_first_of(":%") == std::string::npos))
            return {.host = host, .port = *port};
    }
    throw LockConfigurationError(key + " = \"" + printable(text) + "\" names no server: " + allowed);
}

std::optional<ServerAddress> ServerAddress::ofServer(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto host = text.substr(0, colon);
    const auto port = portOf(text.substr(colon + 1));
    if (!port || (!host.empty() && !isHost(host)))
        return std::nullopt;
    return ServerAddress{.host = std::string(host), .port = *port};
}

} // namespace Leasehold::Redis
