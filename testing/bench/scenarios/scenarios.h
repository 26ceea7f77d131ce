#pragma once

#include "Result.h"
#include "Setting.h"

/// What is measured. Each has its reasons where it is defined.
namespace Leasehold::Bench
{

Result measureSmallSteps(Setting& setting); ///< only where Google Benchmark is installed
Result measureMemoryPair(Setting& setting);
Result measureMillionLocks(Setting& setting);
Result measureSQLitePairsFull(Setting& setting);
Result measureSQLitePairsNormal(Setting& setting);
Result measureCommand(Setting& setting);
Result measureEnginePair(Setting& setting);
Result measureEngineThreads(Setting& setting);
Result measureEngineContention(Setting& setting);
Result measureKeepingTenThousand(Setting& setting);
Result measureKeepingHundredThousand(Setting& setting);
Result measureLossPrecision(Setting& setting);
Result measureHandOver(Setting& setting);
Result measureWaitingProcesses(Setting& setting);
Result measureBulkSize(Setting& setting);
Result measureChurn(Setting& setting);

} // namespace Leasehold::Bench
