#include "fuzzing.h"

#include "Leasehold/Durations.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace Leasehold::Fuzz
{

void duration(std::string_view input)
{
    if (const auto parsed = parseDuration(input))
    {
        require(*parsed >= Milliseconds{0} && *parsed < forever, "a parsed duration is none that means something else");
        require(input.find_first_not_of("0123456789hms") == std::string_view::npos, "only digits and a unit are a duration");
        require(parseDuration(formatDuration(*parsed)) == parsed, "a duration that is written is read as the same");
    }

    // The reverse must hold too: any number survives formatting and parsing.
    std::int64_t count = 0;
    std::memcpy(&count, input.data(), std::min(input.size(), sizeof count));
    const Milliseconds any{count & INT64_MAX};
    const auto text = formatDuration(any);
    require(any == forever ? text == "forever" && !parseDuration(text) : parseDuration(text) == any, text + " is read as it was written");
}

} // namespace Leasehold::Fuzz
