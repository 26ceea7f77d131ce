#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace Leasehold
{

/// The number of characters that must be inserted, removed or replaced to turn one text into the other.
std::size_t editDistance(std::string_view left, std::string_view right);

/// The key of `known` with the smallest edit distance to `key`; of several, the first in order. Empty only if `known` is empty.
std::string nearestKey(std::string_view key, const std::map<std::string, std::string>& known);

} // namespace Leasehold
