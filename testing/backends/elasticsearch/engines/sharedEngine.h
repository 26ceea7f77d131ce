#pragma once

#include "EngineNode.h"

namespace Leasehold
{

/// The node of this kind that the whole test program shares. The first call starts it; it ends with the program. Call it on the main
/// thread.
EngineNode& sharedEngine(EngineKind kind);

} // namespace Leasehold
