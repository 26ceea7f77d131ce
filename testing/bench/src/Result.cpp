#include "Result.h"

namespace Leasehold::Bench
{

std::optional<bool> isReached(const Line& line)
{
    if (!line.target)
        return std::nullopt;
    if (line.target->of == Target::Of::ratio && !line.ratio)
        return std::nullopt;
    const double figure = line.target->of == Target::Of::ratio ? line.ratio->median : line.ours.median;
    return line.target->bound == Target::Bound::atLeast ? figure >= line.target->value : figure <= line.target->value;
}

} // namespace Leasehold::Bench
