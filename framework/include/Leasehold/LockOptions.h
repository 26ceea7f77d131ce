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
    Metadata metadata{};                   ///< what the holder says of itself; others see it in LockRecord::metadata
    std::optional<Milliseconds> ttl{};     ///< nullopt: the policy's
    std::optional<Milliseconds> wait{};    ///< how long to try while another holds the lock; nullopt: the policy's; 0ms: once; `forever`
    std::optional<Milliseconds> maxHold{}; ///< after this time the lock is lost, renewals or not; nullopt: the policy's; `forever`: never
    /// A release sooner than this after the grant leaves the lock taken until then; at most 24 h. "One host does the work, the others
    /// skip it" holds only while their attempts overlap: a host that starts after a short job has ended runs it again. Give short
    /// jobs a minHold longer than the starts may differ.
    Milliseconds minHold{0};
    Fence fenceFloor = 0;     ///< the greatest fence that the guarded resource has seen: the grant's fence will be greater
    std::stop_token cancel{}; ///< a stop request ends the wait, and a call to a store that does not answer: LockWaitCancelled
};

} // namespace Leasehold
