#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"

#include <string>

namespace Leasehold
{

/// What a storage says of a lock that somebody holds. It never contains the owner token: whoever can read the
/// records must not be able to release somebody else's lock.
struct LockRecord
{
    std::string name{};
    Fence fence = 0;
    StorageTime acquiredAt{}, expiresAt{}; ///< by the storage's clock; for people only
    Milliseconds ttl{};                    ///< as asked for by the last acquire or renewal
    Milliseconds remaining{};              ///< by the storage's clock, at the moment when it answered
    std::string metadata = "{}";           ///< one JSON object as text
};

} // namespace Leasehold
