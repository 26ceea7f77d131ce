#pragma once

#include "Leasehold/Backoff.h"
#include "Leasehold/Durations.h"

#include <memory>

namespace Leasehold
{

/// How long and how often to try for a lock that another holds.
struct WaitPolicy
{
    Milliseconds limit{0}; ///< 0: try once; `forever`: until cancelled
    std::shared_ptr<const Backoff> backoff = std::make_shared<JitteredBackoff>(Milliseconds{50}, Milliseconds{2000});

    /// Throws LockConfigurationError naming the key.
    void validate() const;
};

} // namespace Leasehold
