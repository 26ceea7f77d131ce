#include "Leasehold/printable.h"

#include "Utf8.h"

namespace Leasehold
{
namespace
{

/// Whether a terminal or a log viewer shows `code` itself, and it changes nothing in how the other text is shown.
bool isHarmless(char32_t code)
{
    const bool breaksTheLine = code == 0x2028 || code == 0x2029;
    const bool changesTheOrder = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return !isControl(code) && !breaksTheLine && !changesTheOrder;
}

} // namespace

std::string printable(std::string_view text)
{
    std::string result;
    result.reserve(text.size());
    while (!text.empty())
    {
        auto rest = text;
        const auto code = takeCharacter(rest);
        if (code && isHarmless(*code))
            result += text.substr(0, text.size() - rest.size());
        else
            result += '?';
        text = code ? rest : text.substr(1);
    }
    return result;
}

} // namespace Leasehold
