#pragma once

#include "Leasehold/registerConformance.h"

#include <list>

namespace Leasehold
{

/// The kinds that were registered, in that order. For the test runner, and for the processes that the kit starts.
std::list<HarnessKind>& registeredHarnesses();

} // namespace Leasehold
