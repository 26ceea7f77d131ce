#pragma once

#include "JsonTree.h"

#include <string>

namespace Leasehold::Fake
{

/// What is left of an answer under `filter_path`: comma-separated paths of keys, where `*` stands for any text in a key and arrays
/// are passed through. What no path leads to is left out, and so are the objects and arrays that have nothing left.
/// Throws Failure for the kinds of path that engines know and this does not: `**` and those that leave out.
Object filtered(const Object& whole, const std::string& paths);

} // namespace Leasehold::Fake
