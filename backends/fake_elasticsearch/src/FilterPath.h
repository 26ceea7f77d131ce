#pragma once

#include "JsonTree.h"

#include <string>

namespace Leasehold::Fake
{

/// Applies `filter_path` to an answer: comma-separated paths of keys, where `*` matches any text in a key and arrays add no level. Values
/// that no path matches are removed, and so are objects and arrays that become empty. Throws Failure for paths that engines know and
/// the fake does not: `**` and exclusions.
Object filtered(const Object& whole, const std::string& paths);

} // namespace Leasehold::Fake
