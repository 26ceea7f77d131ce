#pragma once

#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/StoreRegistry.h"

#include <map>
#include <string>

namespace Leasehold
{

/// The values of `leasehold.policy.*`, not yet validated, and every key that is allowed there, with its default.
struct PolicySettings
{
    LockPolicy policy{};
    std::map<std::string, std::string> keys{}; ///< defaults by full key

    /// Throws LockConfigurationError for an invalid value. The caller must refuse unknown keys.
    static PolicySettings read(const Poco::Util::AbstractConfiguration& configuration,
                               const std::map<std::string, StoreRegistry::BackoffCreator>& backoffs);

    /// The present name of a key of 0.1.0 that was renamed; empty: `key` was not renamed.
    static std::string renamed(const std::string& key);
};

} // namespace Leasehold
