#include "Spread.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace Leasehold::Bench
{

double quantile(std::vector<double> values, double part)
{
    if (values.empty())
        throw std::logic_error("there is nothing measured to take a quantile of");
    std::sort(values.begin(), values.end());
    const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(values.size())));
    return values[std::min(std::max<std::size_t>(rank, 1), values.size()) - 1];
}

Spread spreadOf(std::vector<double> values)
{
    if (values.empty())
        throw std::logic_error("there is nothing measured to take a median of");
    std::sort(values.begin(), values.end());
    const auto middle = values.size() / 2;
    const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return {median, values.front(), values.back(), values.size()};
}

} // namespace Leasehold::Bench
