#pragma once

#include "AnswerComparison.h"
#include "RandomRequests.h"

#include "EngineNode.h"

#include <functional>
#include <string>
#include <vector>

namespace Leasehold
{

/// An intended difference between the fake and an engine, with its reason.
struct EngineDifference
{
    const char* what;
    const char* reason;
    std::function<bool(const PlannedRequest&, const NodeAnswer& fake, const NodeAnswer& engine, const AnswerDifference&)> covers;
};

/// All known differences from this engine. Each must occur in the usual sequence, so that none outlives its reason.
const std::vector<EngineDifference>& engineDifferences(EngineKind kind);

} // namespace Leasehold
