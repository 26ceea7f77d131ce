#pragma once

#include <cstddef>
#include <vector>

namespace Leasehold::Bench
{

/// The median and the range of several measurements of one figure.
struct Spread
{
    double median = 0, minimum = 0, maximum = 0;
    std::size_t count = 0;
};

/// `values` must not be empty.
Spread spreadOf(std::vector<double> values);

/// The quantile `part` (0 to 1) of the values, by the nearest rank. `values` must not be empty.
double quantile(std::vector<double> values, double part);

} // namespace Leasehold::Bench
