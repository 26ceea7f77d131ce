#include "fuzzing.h"

#include "net/HttpNode.h"

#include "Leasehold/Exceptions.h"

#include <optional>

namespace Leasehold::Fuzz
{

namespace
{

std::optional<Net::HttpNode> parse(const std::string& url, const std::string& secret)
{
    try
    {
        return Net::HttpNode::parse(url, "leasehold.store.elasticsearch.url", 9200);
    }
    catch (const LockConfigurationError& error)
    {
        require(error.message().find("leasehold.store.elasticsearch.url") != std::string::npos, "a message names the key");
        require(secret.empty() || error.message().find(secret) == std::string::npos, "no message shows a password: " + error.message());
        return std::nullopt;
    }
}

} // namespace

void nodeAddress(std::string_view input)
{
    const std::string text(input);
    if (const auto node = parse(text, {}))
    {
        require(!node->host.empty() && node->port != 0, "a node has a host and a port");
        require(!node->path.ends_with('/'), "a path to put before others has no slash at its end");
        require(text.find('@') == std::string::npos || text.find('@') > text.find('/', text.find("://") + 3),
                "credentials are refused in an address");
        const auto again = parse(node->address(), {});
        require(again && again->tls == node->tls && again->host == node->host && again->port == node->port && again->path == node->path,
                "an address that is written is read as the same: " + node->address());
    }
    const std::string secret = "Pa55w0rd-of-a-user";
    if (text.find(secret) == std::string::npos) // else the secret is also in a part that messages may show
        parse("https://user:" + secret + "@" + text, secret);

    const auto plain = Net::percentEncoded(input);
    require(plain.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%") == std::string::npos,
            "an encoded text has nothing that a path could take for its own");
    require(input.empty() || plain.find_first_not_of('.') != std::string::npos, "no step in a path comes of a name");
}

} // namespace Leasehold::Fuzz
