#include "StoreUrl.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>

namespace Leasehold
{

namespace
{

[[noreturn]] void refuse(std::string_view url, const std::string& why)
{
    throw LockConfigurationError("the store URL \"" + redactUrl(url) + "\" " + why +
                                 "; write memory:, sqlite:///PATH, or TYPE+SCHEME://HOST:PORT/INDEX?KEY=VALUE");
}

int hexDigit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

std::string decode(std::string_view url, std::string_view text)
{
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        char c = text[i];
        if (c == '%')
        {
            const int high = i + 2 < text.size() ? hexDigit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hexDigit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                refuse(url, "has a % that two hexadecimal digits do not follow");
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            refuse(url, "contains a control character");
        decoded += c;
    }
    return decoded;
}

void set(std::string_view url, StoreUrl& parsed, const std::string& key, const std::string& value)
{
    if (!parsed.settings.emplace(key, value).second)
        refuse(url, "gives the key " + key + " twice");
}

void readQuery(std::string_view url, std::string_view query, StoreUrl& parsed)
{
    while (!query.empty())
    {
        const auto end = query.find('&');
        const auto item = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
        const auto equals = item.find('=');
        const auto key = item.substr(0, equals);
        if (equals == std::string_view::npos || !isPlainWord(key))
            refuse(url, "has something in its query that is not KEY=VALUE, KEY of the characters a-z, 0-9 and _");
        set(url, parsed, std::string(key), decode(url, item.substr(equals + 1)));
    }
}

void readCredentials(std::string_view url, std::string_view credentials, StoreUrl& parsed)
{
    parsed.hasCredentials = true;
    const auto colon = credentials.find(':');
    set(url, parsed, "user", decode(url, credentials.substr(0, colon)));
    if (colon != std::string_view::npos)
        set(url, parsed, "password", decode(url, credentials.substr(colon + 1)));
}

// "a:9200,b:9200" with the scheme https: "https://a:9200,https://b:9200".
std::string nodeList(std::string_view url, std::string_view scheme, std::string_view hosts)
{
    std::string list;
    while (true)
    {
        const auto comma = hosts.find(',');
        const auto host = hosts.substr(0, comma);
        if (host.empty())
            refuse(url, "has an empty host");
        const bool odd = std::any_of(host.begin(), host.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f || c == '%'; });
        if (odd)
            refuse(url, "has a host with a character that no host name has");
        if (!list.empty())
            list += ',';
        list.append(scheme).append("://").append(host);
        if (comma == std::string_view::npos)
            return list;
        hosts.remove_prefix(comma + 1);
    }
}

void readNodes(std::string_view url, std::string_view scheme, std::string_view rest, StoreUrl& parsed)
{
    if (!isPlainWord(scheme))
        refuse(url, "has no scheme of the characters a-z, 0-9 and _ after its +");
    if (!rest.starts_with("//"))
        refuse(url, "has no // after its scheme");
    rest.remove_prefix(2);
    const auto slash = rest.find('/');
    auto hosts = rest.substr(0, slash);
    if (const auto at = hosts.rfind('@'); at != std::string_view::npos)
    {
        readCredentials(url, hosts.substr(0, at), parsed);
        hosts.remove_prefix(at + 1);
    }
    set(url, parsed, "url", nodeList(url, scheme, hosts));
    auto index = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (index.find('/') != std::string_view::npos)
        refuse(url, "has more than one word in its path, which names the index");
    if (!index.empty())
        set(url, parsed, "index", decode(url, index));
}

void readPath(std::string_view url, std::string_view rest, StoreUrl& parsed)
{
    if (rest.starts_with("//"))
    {
        rest.remove_prefix(2);
        if (!rest.starts_with("/"))
            refuse(url, "names a host, but no scheme to reach it by");
        if (rest == "/")
            refuse(url, "has no path after its ///");
    }
    if (!rest.empty())
        set(url, parsed, "path", decode(url, rest));
}

} // namespace

StoreUrl StoreUrl::parse(std::string_view url)
{
    if (url.find('#') != std::string_view::npos)
        refuse(url, "has a fragment, which means nothing here: write %23 for a # in a name");
    const auto colon = url.find(':');
    if (colon == std::string_view::npos)
        refuse(url, "has no : after its type");
    auto type = url.substr(0, colon);
    auto rest = url.substr(colon + 1);
    StoreUrl parsed;

    const auto plus = type.find('+');
    const auto scheme = plus == std::string_view::npos ? std::string_view{} : type.substr(plus + 1);
    type = type.substr(0, plus);
    if (!isPlainWord(type))
        refuse(url, "does not start with a type of the characters a-z, 0-9 and _");
    parsed.type = type;

    const auto question = rest.find('?');
    if (plus == std::string_view::npos)
        readPath(url, rest.substr(0, question), parsed);
    else
        readNodes(url, scheme, rest.substr(0, question), parsed);
    if (question != std::string_view::npos)
        readQuery(url, rest.substr(question + 1), parsed);
    return parsed;
}

std::string redactUrl(std::string_view url)
{
    std::string shown;
    // Whatever stands before an @ may be a password with any character in it: up to the last one, nothing but the type shows.
    if (const auto at = url.rfind('@'); at != std::string_view::npos)
    {
        const auto colon = url.find(':');
        if (colon < at)
            shown.append(url.substr(0, colon + 1)).append("//...@");
        else
            shown.append("...@");
        url.remove_prefix(at + 1);
    }
    shown.append(url.substr(0, url.find('?')));
    for (char& c : shown)
    {
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f)
            c = '?';
    }
    if (shown.size() > 200)
        shown = shown.substr(0, 200) + "...";
    return shown;
}

bool isPlainWord(std::string_view text)
{
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

} // namespace Leasehold
