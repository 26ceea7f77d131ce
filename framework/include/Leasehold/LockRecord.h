#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/Fence.h"
#include "Leasehold/printable.h"

#include <cstddef>
#include <string>

namespace Leasehold
{

/// What a storage tells about a held lock. It never contains the owner token, so a reader of the records cannot
/// release the locks of others.
struct LockRecord
{
    std::string name{};       ///< the name of the lock
    Fence fence = 0;          ///< the fence of its present grant
    StorageTime acquiredAt{}, ///< when it was granted, by the storage's clock; for people only
        expiresAt{};          ///< when its lease ends, by the storage's clock; for people only
    Milliseconds ttl{};       ///< as asked for by the last acquire or renewal
    /// The time to the end of the lease by the storage's clock, when the storage answered. The holder renews its lease, so this is
    /// not the time until the lock is free.
    Milliseconds remaining{};
    std::string metadata = "{}"; ///< what the holder says of itself: one JSON object as text. Foreign text: show it through printable
    bool broken = false;         ///< the lock was broken (BreakMode::whenItEnds): it cannot be renewed, and is free when it expires
};

/// For people: `lock "nightly": fence 1764338400000000, ttl 30s, 21400ms left, metadata {"host":"web-3"}`.
LEASEHOLD_EXPORT std::string toString(const LockRecord& record);

/// Which locks LockManagerService::list gives: live locks by name, byte by byte.
struct ListQuery
{
    std::string prefix{};     ///< only names that begin with this
    std::string after{};      ///< only names greater than this, byte by byte: the last name of the page before
    std::size_t limit = 1000; ///< at most this many records; 1 to 10,000
};

/// When a broken lock is free.
enum class BreakMode
{
    whenItEnds, ///< when its lease ends. Until then the holder cannot renew, and no other caller is granted it: holders never overlap
    now         ///< at once. The old holder, and a thread that gets its lease by hand-over, may work on until the next renewal
};

/// "whenItEnds", "now".
LEASEHOLD_EXPORT const char* toString(BreakMode mode) noexcept;

} // namespace Leasehold
