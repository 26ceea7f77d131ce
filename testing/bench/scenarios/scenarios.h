#pragma once

#include "StorageBench.h"

#include <vector>

/// The scenarios. Each is documented at its definition.
namespace Leasehold::Bench
{

Result measureFrameworkSteps(Setting& setting); ///< only where Google Benchmark is installed

Result measurePair(Setting& setting, StorageBench& bench);
Result measureThreads(Setting& setting, StorageBench& bench);
Result measureContention(Setting& setting, StorageBench& bench);
Result measureKeeping(Setting& setting, StorageBench& bench);
Result measureKeepingMany(Setting& setting, StorageBench& bench);
Result measureThreadHandOver(Setting& setting, StorageBench& bench);
Result measureProcessHandOver(Setting& setting, StorageBench& bench);
Result measureTwoProcesses(Setting& setting, StorageBench& bench);
Result measureWaiters(Setting& setting, StorageBench& bench);
Result measureLossPrecision(Setting& setting, StorageBench& bench);
Result measureCommand(Setting& setting, StorageBench& bench);

/// The scenarios that use no storage, in the order in which they run.
std::vector<Scenario> scenariosWithoutStorage();
/// The scenarios on one storage, its own included, in the order in which they run. Their names begin with that of the kind. The bench must
/// outlive them.
std::vector<Scenario> scenariosOn(const BenchKind& kind, StorageBench& bench);

} // namespace Leasehold::Bench
