#pragma once

#include "Leasehold/Durations.h"

namespace Leasehold
{

/// How long the record of a dead lock, and so its last fence, is remembered. A value.
struct RetentionPolicy
{
    /// Must exceed any step or skew of the storage's clock. At least 1 minute.
    Milliseconds retention = std::chrono::hours{1};
    /// How often a service prunes: one page, on a releasing caller's thread, never on the keeper. `forever`: never.
    Milliseconds pruneEvery = std::chrono::minutes{5};

    /// Throws LockConfigurationError naming the key.
    void validate() const;
};

} // namespace Leasehold
