#include "FuzzTargets.h"

#include "StoreUrl.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <optional>

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

/// nullopt: it was refused.
std::optional<StoreUrl> parse(const std::string& url)
{
    try
    {
        return StoreUrl::parse(url);
    }
    catch (const LockConfigurationError& error)
    {
        requireReadable(error.message());
        require(error.message().find(secret) == std::string::npos, "no message shows a password: " + error.message());
        return std::nullopt;
    }
}

void requireMeaning(const StoreUrl& parsed)
{
    require(isPlainWord(parsed.type), "the type is a word");
    std::string again = parsed.type + ":";
    char separator = '?';
    for (const auto& [key, value] : parsed.settings)
    {
        require(isPlainWord(key), "a key is a word: " + key);
        require(std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
                "a value has no control characters");
        again += separator + key + "=" + encoded(value);
        separator = '&';
    }
    const auto back = parse(again);
    require(back && back->type == parsed.type && back->settings == parsed.settings, "settings that are written are read: " + again);
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
    parse("sqlite:///path?password=" + secret + text);
    parse(text + "?password=" + secret);
}

} // namespace Leasehold::Fuzz
