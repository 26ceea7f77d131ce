#pragma once

#include "Leasehold/LeasePolicy.h"
#include "Leasehold/RetentionPolicy.h"
#include "Leasehold/RetryPolicy.h"
#include "Leasehold/TokenPolicy.h"
#include "Leasehold/WaitPolicy.h"

namespace Leasehold
{

struct StoreInfo;

/// Every decision of a LockManagerService that is not the storage's. The service has no rule of its own beside these.
struct LockPolicy
{
    LeasePolicy lease{};
    WaitPolicy wait{};
    RetryPolicy retry{};
    TokenPolicy token{};
    RetentionPolicy retention{};

    /// Throws LockConfigurationError naming the key, the value and what is allowed.
    void validate() const;

    /// Throws LockConfigurationError if a lease of this policy cannot work on such a store: a ttl out of its bounds or finer
    /// than its granularity, a safety margin under its clock uncertainty.
    void validateFor(const StoreInfo& store) const;
};

} // namespace Leasehold
