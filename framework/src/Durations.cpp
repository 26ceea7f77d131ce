#include "Leasehold/Durations.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace Leasehold
{
namespace
{

struct Unit
{
    std::string_view name;
    std::int64_t milliseconds;
};

constexpr std::array<Unit, 4> units{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

} // namespace

std::optional<Milliseconds> parseDuration(std::string_view text)
{
    if (text == "0")
        return Milliseconds{0};
    if (text.empty() || text.front() < '0' || text.front() > '9') // from_chars would accept a sign
        return std::nullopt;
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{})
        return std::nullopt;
    const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const auto& unit : units)
    {
        if (unit.name != name)
            continue;
        // The maximum count of milliseconds means `forever`; no number may have this meaning.
        if (count > (forever.count() - 1) / unit.milliseconds)
            return std::nullopt;
        return Milliseconds{count * unit.milliseconds};
    }
    return std::nullopt;
}

std::string formatDuration(Milliseconds duration)
{
    if (duration == forever)
        return "forever";
    if (duration == Milliseconds{0})
        return "0";
    const auto unit = std::ranges::find_if(units, [duration](const Unit& each) { return duration.count() % each.milliseconds == 0; });
    return std::to_string(duration.count() / unit->milliseconds).append(unit->name); // the last unit divides every duration
}

} // namespace Leasehold
