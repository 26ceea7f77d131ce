#pragma once

#include "Leasehold/BrokenStore.h"

#include <set>
#include <string>

namespace Leasehold
{

/// Runs the whole kit on this store. Which tests failed: "rule::testAReleaseFreesAtOnce".
std::set<std::string> testsThatCatch(const BrokenStore& store);

} // namespace Leasehold
