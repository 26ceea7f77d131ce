#pragma once

#include "Leasehold/Backoff.h"

#include <memory>

namespace Leasehold
{

/// What to do when the store is unavailable: how many times a call is tried, within the time that is left for it.
struct RetryPolicy
{
    int maxAttempts = 3; ///< of one call; renewals go on until the lease ends, whatever this says
    std::shared_ptr<const Backoff> backoff = std::make_shared<JitteredBackoff>(Milliseconds{20}, Milliseconds{1000});

    /// Throws LockConfigurationError naming the key.
    void validate() const;
};

} // namespace Leasehold
