#include "Utf8.h"

namespace Leasehold
{
namespace
{

/// The properties of a character by its first byte: how many bytes follow, and the minimum code point of this length.
struct Utf8Form
{
    unsigned char mask, lead, following;
    char32_t lowest;
};

constexpr Utf8Form utf8Forms[] = {{0x80, 0x00, 0, 0}, {0xE0, 0xC0, 1, 0x80}, {0xF0, 0xE0, 2, 0x800}, {0xF8, 0xF0, 3, 0x10000}};

} // namespace

std::optional<char32_t> takeCharacter(std::string_view& rest)
{
    const auto first = static_cast<unsigned char>(rest.front());
    for (const auto& form : utf8Forms)
    {
        if ((first & form.mask) != form.lead)
            continue;
        if (rest.size() <= form.following)
            return std::nullopt;
        char32_t code = first & static_cast<unsigned char>(~form.mask);
        for (std::size_t i = 1; i <= form.following; ++i)
        {
            const auto next = static_cast<unsigned char>(rest[i]);
            if ((next & 0xC0) != 0x80)
                return std::nullopt;
            code = (code << 6) | (next & 0x3FU);
        }
        const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        if (code < form.lowest || code > 0x10FFFF || surrogate)
            return std::nullopt;
        rest.remove_prefix(form.following + std::size_t{1});
        return code;
    }
    return std::nullopt;
}

bool isUtf8(std::string_view text)
{
    while (!text.empty())
        if (!takeCharacter(text))
            return false;
    return true;
}

} // namespace Leasehold
