#pragma once

#include "Leasehold/registerConformance.h"

#include <list>

namespace Leasehold
{

/// The registered kinds in order; the runner runs their tests.
std::list<HarnessKind>& registeredHarnesses();

/// These kinds, and those that only the kit's processes use.
const HarnessKind* findHarness(const std::string& name);

} // namespace Leasehold
