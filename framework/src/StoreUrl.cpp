#include "StoreUrl.h"

#include "Leasehold/Exceptions.h"

#include <Poco/String.h>

#include <algorithm>

namespace Leasehold
{

namespace
{

[[noreturn]] void refuse(std::string_view url, const std::string& why, const std::string& forms)
{
    throw LockConfigurationError("the store URL \"" + redactUrl(url) + "\" " + why + "; write " + forms);
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

/// Reads one URL of one form.
class UrlReader
{
public:
    UrlReader(std::string_view url, const StoreUrlForm& form) : _url(url), _form(form) { _read.settings = form.settings; }

    StoreUrl read()
    {
        if (_url.find('#') != std::string_view::npos)
            refuse("has a fragment, which means nothing here: write %23 for a # in a name");
        const auto rest = _url.substr(_form.scheme.size() + 1);
        const auto question = rest.find('?');
        if (_form.hosts.empty())
            readPath(rest.substr(0, question));
        else
            readHosts(rest.substr(0, question));
        if (question != std::string_view::npos)
            readQuery(rest.substr(question + 1));
        return std::move(_read);
    }

private:
    [[noreturn]] void refuse(const std::string& why) const { Leasehold::refuse(_url, why, describeForm(_form) + "[?KEY=VALUE&...]"); }

    std::string decode(std::string_view text) const
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
                    refuse("has a % without two hexadecimal digits behind it");
                c = static_cast<char>(high * 16 + low);
                i += 2;
            }
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                refuse("contains a control character");
            decoded += c;
        }
        return decoded;
    }

    void set(const std::string& key, const std::string& value)
    {
        if (!_read.settings.emplace(key, value).second)
            refuse("gives the key " + key + " twice");
    }

    void readQuery(std::string_view query)
    {
        while (!query.empty())
        {
            const auto end = query.find('&');
            const auto item = query.substr(0, end);
            query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
            const auto equals = item.find('=');
            const auto key = item.substr(0, equals);
            if (equals == std::string_view::npos || !isPlainWord(key))
                refuse("has something in its query that is not KEY=VALUE, KEY of the characters a-z, 0-9 and _");
            set(std::string(key), decode(item.substr(equals + 1)));
        }
    }

    void readCredentials(std::string_view credentials)
    {
        const auto colon = credentials.find(':');
        if (colon != 0)
            set("user", decode(credentials.substr(0, colon)));
        _read.hasPassword = colon != std::string_view::npos;
        if (_read.hasPassword)
            set("password", decode(credentials.substr(colon + 1)));
    }

    // "a:9200,b:9200" with the prefix https://: "https://a:9200,https://b:9200".
    std::string hostList(std::string_view hosts) const
    {
        std::string list;
        while (true)
        {
            const auto comma = hosts.find(',');
            const auto host = hosts.substr(0, comma);
            if (host.empty())
                refuse("has an empty host");
            const bool odd = std::any_of(host.begin(), host.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f || c == '%'; });
            if (odd)
                refuse("has a host with a character that no host name has");
            list.append(list.empty() ? "" : ",").append(_form.hostPrefix).append(host);
            if (comma == std::string_view::npos)
                return list;
            hosts.remove_prefix(comma + 1);
        }
    }

    void readHosts(std::string_view rest)
    {
        if (!rest.starts_with("//"))
            refuse("has no // after its scheme");
        rest.remove_prefix(2);
        const auto slash = rest.find('/');
        auto hosts = rest.substr(0, slash);
        if (const auto at = _url.rfind('@'); at != std::string_view::npos && at >= static_cast<std::size_t>(hosts.end() - _url.begin()))
            refuse("has an @ behind its hosts: in a user, password or value, write %2F for /, %3F for ?, %23 for # and %40 for @");
        const auto at = hosts.rfind('@');
        const bool hasUser = at != std::string_view::npos;
        if (hasUser)
        {
            readCredentials(hosts.substr(0, at));
            hosts.remove_prefix(at + 1);
        }
        if (!hosts.empty() || hasUser)
            set(_form.hosts, hostList(hosts));
        if (slash != std::string_view::npos)
            setPath(rest.substr(slash + 1));
    }

    void readPath(std::string_view rest)
    {
        if (rest.starts_with("//"))
        {
            rest.remove_prefix(2);
            if (!rest.starts_with("/") && !rest.empty())
                refuse("names a host, which a URL of this form has not");
            if (rest == "/")
                refuse("has no path after its ///");
        }
        setPath(rest);
    }

    void setPath(std::string_view path)
    {
        if (path.empty())
            return;
        if (_form.path.empty())
            refuse("has a path, which a URL of this form has not");
        set(_form.path, decode(path));
    }

    std::string_view _url;
    const StoreUrlForm& _form;
    StoreUrl _read;
};

// "a:9200,b:secret/x" becomes "a:9200,b:...": text in the place of a port that is not a number may be a password.
std::string untilOddPort(std::string_view hosts)
{
    bool inBrackets = false;
    std::size_t port = 0; // where the port begins; 0: not inside a port
    for (std::size_t at = 0; at < hosts.size() && hosts[at] != '/'; ++at)
    {
        const char c = hosts[at];
        inBrackets = c == '[' || (inBrackets && c != ']');
        if (c == ',')
            port = 0;
        else if (port != 0 && (c < '0' || c > '9'))
            return std::string(hosts.substr(0, port)) + "...";
        else if (c == ':' && !inBrackets)
            port = at + 1;
    }
    return std::string(hosts);
}

} // namespace

StoreUrl StoreUrl::parse(std::string_view url, const StoreUrlForm& form)
{
    return UrlReader(url, form).read();
}

std::string schemeOf(std::string_view url, const std::string& forms)
{
    const auto colon = url.find(':');
    if (colon == std::string_view::npos)
        refuse(url, "has no : after its scheme", forms);
    const auto scheme = url.substr(0, colon);
    if (!isScheme(scheme))
        refuse(url, "does not start with a scheme of the characters a-z, 0-9, _ and +", forms);
    return std::string(scheme);
}

std::string describeForm(const StoreUrlForm& form)
{
    std::string shown = form.scheme + ":";
    if (!form.hosts.empty())
        shown += "//HOST:PORT";
    else if (!form.path.empty())
        shown += "//";
    if (!form.path.empty())
        shown += "/" + Poco::toUpper(form.path);
    return shown;
}

std::string redactUrl(std::string_view url)
{
    constexpr std::size_t longest = 200;
    const auto colon = url.find(':');
    const auto start = colon == std::string_view::npos ? 0 : colon + 1;
    auto rest = url.substr(start, url.find_first_of("?#", start) - start);
    std::string shown(url.substr(0, start));
    // The text before an @ may be a password with any character in it. So may the text after it, if the host is missing.
    if (url.find('@') != std::string_view::npos || (colon != std::string_view::npos && !rest.empty() && rest.front() != '/'))
        shown = std::string(url.substr(0, std::min(start, url.find('@')))) + "...";
    else if (rest.starts_with("//"))
        shown.append("//").append(untilOddPort(rest.substr(2)));
    else
        shown.append(rest);
    for (char& c : shown)
    {
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f)
            c = '?';
    }
    if (shown.size() > longest)
        shown = shown.substr(0, longest) + "...";
    return shown;
}

bool isPlainWord(std::string_view text)
{
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

bool isScheme(std::string_view text)
{
    while (true)
    {
        const auto plus = text.find('+');
        if (!isPlainWord(text.substr(0, plus)))
            return false;
        if (plus == std::string_view::npos)
            return true;
        text.remove_prefix(plus + 1);
    }
}

} // namespace Leasehold
