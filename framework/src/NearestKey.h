#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace Leasehold
{

/// How many characters must be inserted, removed or replaced to make one text of the other.
std::size_t editDistance(std::string_view left, std::string_view right);

/// The key of `known` that is least far from `key`; the first in their order if several are. Empty only if `known` is.
std::string nearestKey(std::string_view key, const std::map<std::string, std::string>& known);

} // namespace Leasehold
