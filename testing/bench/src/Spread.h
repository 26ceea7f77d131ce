#pragma once

#include <cstddef>
#include <vector>

namespace Leasehold::Bench
{

/// What several measurements of one thing say: their median, and how far they lie apart.
struct Spread
{
    double median = 0, least = 0, most = 0;
    std::size_t count = 0;
};

/// `values` must not be empty.
Spread spreadOf(std::vector<double> values);

/// The value below which the part `part` (0 to 1) of them lies, by the nearest rank. `values` must not be empty.
double quantile(std::vector<double> values, double part);

} // namespace Leasehold::Bench
