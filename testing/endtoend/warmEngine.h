#pragma once

#include "Leasehold/EngineNode.h"

namespace Leasehold
{

/// The node of sharedEngine(kind), after every verb has been asked of it. The first answers of a node that has just started take longer
/// than the deadlines that are tested, on a loaded machine by seconds. To be asked for again after a restart.
EngineNode& warmEngine(EngineKind kind);

} // namespace Leasehold
