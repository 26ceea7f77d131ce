#include "ServerAddress.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"

#include <Poco/NumberParser.h>

#include <algorithm>
#include <string_view>

namespace Leasehold::PostgreSQL
{

namespace
{

/// In a name, an address, or an address with its zone.
bool isHostCharacter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:%").find(c) != std::string_view::npos;
}

[[noreturn]] void refuse(const std::string& text, const std::string& key)
{
    // The text before an @ may be a password.
    const auto shown = text.find('@') == std::string::npos ? " = \"" + printable(text) + "\"" : " contains an @, and";
    throw LockConfigurationError(key + shown +
                                 " cannot be used: allowed is HOST[:PORT], [ADDRESS]:PORT or /FOLDER[:PORT] of a unix "
                                 "socket, several of them separated by commas");
}

} // namespace

std::string ServerAddress::text() const
{
    const bool numeric6 = !isUnixSocket() && host.find(':') != std::string::npos;
    return (numeric6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

ServerAddress ServerAddress::parse(const std::string& text, const std::string& key)
{
    ServerAddress address;
    std::string port;
    const auto colon = text.rfind(':');
    if (text.starts_with('['))
    {
        const auto end = text.find(']');
        if (end == std::string::npos || (end + 1 < text.size() && text[end + 1] != ':'))
            refuse(text, key);
        address.host = text.substr(1, end - 1);
        port = end + 1 < text.size() ? text.substr(end + 2) : "5432";
    }
    else if (colon == std::string::npos || (!text.starts_with('/') && text.find(':') != colon)) // no port; a bare IPv6 address
    {
        address.host = text;
        port = "5432";
    }
    else
    {
        address.host = text.substr(0, colon);
        port = text.substr(colon + 1);
    }
    unsigned number = 0;
    const bool numeric = port.find_first_not_of("0123456789") == std::string::npos && Poco::NumberParser::tryParseUnsigned(port, number);
    if (!numeric || number == 0 || number > 65535)
        refuse(text, key);
    address.port = static_cast<std::uint16_t>(number);
    const bool plain = address.isUnixSocket() || std::all_of(address.host.begin(), address.host.end(), isHostCharacter);
    if (address.host.empty() || !plain || address.host.find(',') != std::string::npos)
        refuse(text, key);
    return address;
}

} // namespace Leasehold::PostgreSQL
