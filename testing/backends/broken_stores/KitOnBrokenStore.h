#pragma once

#include "Leasehold/BrokenStore.h"
#include "Leasehold/HarnessKind.h"

#include <set>
#include <string>

namespace Leasehold
{

/// Runs the kit on storages of this kind, or only the tests whose names contain `only`. Returns the failed tests, without the kind's name.
std::set<std::string> testsThatFail(const HarnessKind& kind, const std::string& only = {});

/// Runs the whole kit on this store. Returns the failed tests: "rule::testReleaseFreesAtOnce".
std::set<std::string> testsThatCatch(const BrokenStore& store);

/// All tests that run there.
std::set<std::string> testsOfTheKit();

} // namespace Leasehold
