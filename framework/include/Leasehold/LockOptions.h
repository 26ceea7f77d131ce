#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"
#include "Leasehold/Metadata.h"

#include <optional>
#include <stop_token>

namespace Leasehold
{

/// What one acquisition wants otherwise than the policy says. Set by name: `{.ttl = 10s, .wait = 1min}`.
struct LockOptions
{
    Metadata metadata{};
    std::optional<Milliseconds> ttl{};     ///< nullopt: the policy's
    std::optional<Milliseconds> wait{};    ///< nullopt: the policy's; 0ms: try once; `forever`
    std::optional<Milliseconds> maxHold{}; ///< nullopt: the policy's; `forever`: none
    Fence fenceFloor = 0;                  ///< the highest fence that the guarded resource has seen
    std::stop_token cancel{};              ///< ends the wait and a hanging request: LockWaitCancelled
};

} // namespace Leasehold
