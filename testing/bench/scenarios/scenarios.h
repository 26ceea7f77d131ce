#pragma once

#include "Result.h"
#include "Setting.h"

/// What is measured. Each has its reasons where it is defined.
namespace Leasehold::Bench
{

Result measureMemoryPair(Setting& setting);
Result measureMillionLocks(Setting& setting);
Result measureSQLitePairsFull(Setting& setting);
Result measureSQLitePairsNormal(Setting& setting);
Result measureCommand(Setting& setting);

} // namespace Leasehold::Bench
