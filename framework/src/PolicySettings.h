#pragma once

#include "Leasehold/LockPolicy.h"
#include "Leasehold/StoreRegistry.h"

#include <map>
#include <string>

namespace Leasehold
{

/// What `leasehold.policy.*` says, not yet validated, and every key that it could have said, with its default.
struct PolicySettings
{
    LockPolicy policy{};
    std::map<std::string, std::string> keys{}; ///< by their whole names

    /// Throws LockConfigurationError for a bad value. Unknown keys are the caller's to refuse.
    static PolicySettings read(const Poco::Util::AbstractConfiguration& configuration,
                               const std::map<std::string, StoreRegistry::BackoffCreator>& backoffs);
};

} // namespace Leasehold
