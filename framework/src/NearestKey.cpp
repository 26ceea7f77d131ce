#include "NearestKey.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

namespace Leasehold
{

std::size_t editDistance(std::string_view left, std::string_view right)
{
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < left.size(); ++i)
    {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < right.size(); ++j)
        {
            const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::string nearestKey(std::string_view key, const std::map<std::string, std::string>& known)
{
    std::string nearest;
    auto smallest = std::numeric_limits<std::size_t>::max();
    for (const auto& [candidate, unused] : known)
    {
        const std::size_t distance = editDistance(key, candidate);
        if (distance < smallest)
        {
            smallest = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

} // namespace Leasehold
