#pragma once

#include "AnswerComparison.h"
#include "RandomRequests.h"

#include "Leasehold/EngineNode.h"

#include <functional>
#include <string>
#include <vector>

namespace Leasehold
{

/// A difference between the fake and an engine that is meant, and why.
struct EngineDifference
{
    const char* what;
    const char* reason;
    std::function<bool(const PlannedRequest&, const NodeAnswer& fake, const NodeAnswer& engine, const AnswerDifference&)> covers;
};

/// All that are known for this engine. Each must be met by the usual sequence, so that none stays when it is gone.
const std::vector<EngineDifference>& engineDifferences(EngineKind kind);

} // namespace Leasehold
