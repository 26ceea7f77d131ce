#include "jsonLines.h"

#include "TimeText.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Metadata.h"

#include <cstdio>

namespace Leasehold::Tool
{

namespace
{

constexpr const char* replacement = "\xef\xbf\xbd"; // U+FFFD

/// How many bytes of UTF-8 begin here; 0: none.
std::size_t sequenceAt(std::string_view text, std::size_t at)
{
    const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
    const unsigned lead = byte(0);
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf && follows(1))
        return 2;
    if (lead >= 0xe0 && lead <= 0xef && follows(1) && follows(2) && !(lead == 0xe0 && byte(1) < 0xa0) && !(lead == 0xed && byte(1) > 0x9f))
        return 3;
    if (lead >= 0xf0 && lead <= 0xf4 && follows(1) && follows(2) && follows(3) && !(lead == 0xf0 && byte(1) < 0x90) &&
        !(lead == 0xf4 && byte(1) > 0x8f))
        return 4;
    return 0;
}

std::string escaped(unsigned character)
{
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", character);
    return escape;
}

/// JSON in which DEL and U+0080 to U+009F, which JSON allows in its texts and terminals obey, are escaped.
std::string escapedControls(std::string_view json)
{
    std::string safe;
    for (std::size_t i = 0; i < json.size(); ++i)
    {
        const auto byte = static_cast<unsigned char>(json[i]);
        const auto next = i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : 0u;
        if (byte == 0x7f)
            safe += escaped(byte);
        else if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
        {
            safe += escaped(next);
            ++i;
        }
        else
            safe += json[i];
    }
    return safe;
}

} // namespace

std::string jsonText(std::string_view text)
{
    std::string json = "\"";
    for (std::size_t i = 0; i < text.size();)
    {
        const auto length = sequenceAt(text, i);
        const char c = text[i];
        if (length == 0)
            json += replacement;
        else if (c == '"' || c == '\\')
            json.append("\\").append(1, c);
        else if (static_cast<unsigned char>(c) < 0x20)
            json += escaped(static_cast<unsigned char>(c));
        else
            json += text.substr(i, length);
        i += length == 0 ? 1 : length;
    }
    return escapedControls(json) + "\"";
}

std::string lockJson(const LockRecord& record)
{
    auto metadata = record.metadata;
    try
    {
        metadata = Metadata::fromJSON(metadata).json(); // one line, and surely an object
    }
    catch (const LockException&) // written by something else: shown as text
    {
        metadata = jsonText(metadata);
    }
    return "{\"name\":" + jsonText(record.name) + ",\"fence\":" + std::to_string(record.fence) + ",\"acquiredAt\":\"" +
           utcText(record.acquiredAt) + "\",\"expiresAt\":\"" + utcText(record.expiresAt) +
           "\",\"ttlMs\":" + std::to_string(record.ttl.count()) + ",\"remainingMs\":" + std::to_string(record.remaining.count()) +
           ",\"broken\":" + (record.broken ? "true" : "false") + ",\"metadata\":" + escapedControls(metadata) + "}";
}

} // namespace Leasehold::Tool
