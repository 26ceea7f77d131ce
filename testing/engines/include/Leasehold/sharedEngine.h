#pragma once

#include "Leasehold/EngineNode.h"

#include <string>

namespace Leasehold
{

/// The one plain node of this kind that the whole test program shares: started at the first call, ended when the program ends.
/// Call it on the main thread.
EngineNode& sharedEngine(EngineKind kind);

/// For tests that do not stop or restart the node: the address of the user's own cluster if LEASEHOLD_TEST_ELASTICSEARCH_URL
/// names one, else that of sharedEngine(kind).
std::string sharedEngineUrl(EngineKind kind);

} // namespace Leasehold
