#include "fuzzing.h"

#include "StoreUrl.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace Leasehold::Fuzz
{

namespace
{

const std::string secret = "Pa55w0rd-of-a-user";

std::string encoded(std::string_view text)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string result;
    for (const char each : text)
    {
        const auto byte = static_cast<unsigned char>(each);
        result.append(1, '%').append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return result;
}

const std::vector<StoreUrlForm> forms = {
    {.scheme = "memory"},
    {.scheme = "sqlite", .path = "path"},
    {.scheme = "elasticsearch+http", .hosts = "url", .hostPrefix = "http://", .path = "index"},
    {.scheme = "elasticsearch+https", .hosts = "url", .hostPrefix = "https://", .path = "index"},
};

struct Parsed
{
    StoreUrlForm form{};
    StoreUrl url{};
};

/// nullopt: it was refused.
std::optional<Parsed> parse(const std::string& url)
{
    try
    {
        const auto scheme = schemeOf(url, "any of them");
        const auto form = std::find_if(forms.begin(), forms.end(), [&](const auto& one) { return one.scheme == scheme; });
        if (form == forms.end())
            return std::nullopt;
        auto parsed = StoreUrl::parse(url, *form);
        return Parsed{*form, std::move(parsed)};
    }
    catch (const LockConfigurationError& error)
    {
        requireReadable(error.message());
        require(error.message().find(secret) == std::string::npos, "no message shows a password: " + error.message());
        return std::nullopt;
    }
}

void requireMeaning(const Parsed& parsed)
{
    std::string again = parsed.form.scheme + (parsed.form.hosts.empty() ? ":" : "://");
    char separator = '?';
    for (const auto& [key, value] : parsed.url.settings)
    {
        require(isPlainWord(key), "a key is a word: " + key);
        require(std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
                "a value has no control characters");
        again += separator + key + "=" + encoded(value);
        separator = '&';
    }
    const auto back = parse(again);
    require(back && back->url.settings == parsed.url.settings, "settings that are written are read: " + again);
}

} // namespace

void storeUrl(std::string_view input)
{
    const std::string text(input);
    if (text.find(secret) != std::string::npos)
        return; // where it may show
    if (const auto parsed = parse(text))
        requireMeaning(*parsed);
    const auto shown = redactUrl(text);
    require(shown.size() <= 203 && std::all_of(shown.begin(), shown.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; }),
            "what is shown of a URL is short and printable");

    // Wherever in a URL a password may stand, with whatever stands around it.
    parse("elasticsearch+https://user:" + secret + "@" + text);
    parse("elasticsearch+https://" + text + secret + "@host");
    parse("elasticsearch+https://user:" + text + "/" + secret + "@" + text);
    parse("elasticsearch+https://user:" + secret + "/" + text);
    parse("sqlite:///path?password=" + secret + text);
    parse(text + "?password=" + secret);
}

} // namespace Leasehold::Fuzz
