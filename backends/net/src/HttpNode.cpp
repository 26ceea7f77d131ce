#include "net/HttpNode.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"

#include <algorithm>

#include <Poco/Exception.h>
#include <Poco/URI.h>

namespace Leasehold::Net
{

namespace
{

/// In a name, an address, or an address with its zone.
bool isHostCharacter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:%").find(c) != std::string_view::npos;
}

/// For messages: without query and fragment. It ends after a colon that no number follows: that may be a password.
std::string shownAddress(const std::string& url)
{
    const auto scheme = url.find("://");
    const auto start = scheme == std::string::npos ? 0 : scheme + 3;
    const auto end = std::min(url.find_first_of("?#", start), url.size());
    const auto slash = std::min(url.find('/', start), end);
    const auto bracket = url.rfind(']', slash);
    const auto colon = url.find(':', bracket == std::string::npos || bracket < start ? start : bracket);
    const bool noPort = colon < slash && url.find_first_not_of("0123456789", colon + 1) < slash;
    return printable(noPort ? url.substr(0, colon + 1) + "..." : url.substr(0, end));
}

} // namespace

std::string HttpNode::address() const
{
    const bool numeric6 = host.find(':') != std::string::npos;
    return (tls ? "https://" : "http://") + (numeric6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + path;
}

void HttpNode::refuseCredentials(const std::string& key)
{
    throw LockConfigurationError(key + " contains a user or a password before an @: addresses get shown, so set the keys user and password "
                                       "instead");
}

HttpNode HttpNode::parse(const std::string& url, const std::string& key, std::uint16_t defaultPort)
{
    // First of all: no message may show the text around an @, which may be a password.
    if (url.find('@') != std::string::npos)
        refuseCredentials(key);
    const auto authority = url.find("://");
    const std::string shown = key + " = \"" + shownAddress(url) + "\"";

    const std::string allowed = ": allowed is http://HOST[:PORT] or https://HOST[:PORT], several of them separated by commas";
    HttpNode node;
    try
    {
        const Poco::URI uri(url);
        if (uri.getScheme() != "http" && uri.getScheme() != "https")
            throw LockConfigurationError(shown + " cannot be used" + allowed);
        if (!uri.getRawQuery().empty() || !uri.getFragment().empty())
            throw LockConfigurationError(shown + " has a query or a fragment" + allowed);
        node.tls = uri.getScheme() == "https";
        node.host = uri.getHost();
        if (node.host.size() > 2 && node.host.front() == '[' && node.host.back() == ']')
            node.host = node.host.substr(1, node.host.size() - 2);
        // POCO fills in the port of the scheme; only one in the text counts.
        const auto last = url.substr(authority + 3).find('/');
        const std::string hostAndPort = url.substr(authority + 3, last);
        const bool hasPort = hostAndPort.rfind(':') != std::string::npos && hostAndPort.back() != ']' &&
                             (hostAndPort.find(']') == std::string::npos || hostAndPort.rfind(':') > hostAndPort.rfind(']'));
        node.port = hasPort ? uri.getPort() : defaultPort;
        node.path = uri.getPathEtc();
        while (!node.path.empty() && node.path.back() == '/')
            node.path.pop_back();
    }
    catch (const Poco::SyntaxException&)
    {
        throw LockConfigurationError(shown + " is not an address" + allowed);
    }
    if (node.host.empty() || node.port == 0)
        throw LockConfigurationError(shown + " has no host or an impossible port" + allowed);
    if (!std::all_of(node.host.begin(), node.host.end(), isHostCharacter))
        throw LockConfigurationError(shown + " has a host with a character that no host name has" + allowed);
    return node;
}

std::string percentEncoded(std::string_view text)
{
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    constexpr const char* digits = "0123456789ABCDEF";
    const bool onlyDots = text.find_first_not_of('.') == std::string_view::npos;
    std::string encoded;
    encoded.reserve(text.size() + 16);
    for (const char character : text)
    {
        if (plain.find(character) != std::string_view::npos && !(onlyDots && character == '.'))
        {
            encoded += character;
            continue;
        }
        const auto byte = static_cast<unsigned char>(character);
        encoded += '%';
        encoded += digits[byte >> 4];
        encoded += digits[byte & 15];
    }
    return encoded;
}

} // namespace Leasehold::Net
