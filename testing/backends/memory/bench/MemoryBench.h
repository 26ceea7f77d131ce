#pragma once

#include "StorageBench.h"

namespace Leasehold::Bench
{

/// Measures memory and processor time by the number of locks that one process keeps, with the default policy (TTL 30 s, renewed every 10
/// s).
Result measureMillionLocks(Setting& setting);

} // namespace Leasehold::Bench
