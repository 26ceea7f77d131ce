#pragma once

#include <cstddef>

namespace Leasehold
{

/// The verbs of a LockStore, for the stores that change what single verbs do.
enum class StoreVerb
{
    prepare,
    acquire,
    renew,
    release,
    find,
    list,
    breakLock,
    prune
};

inline constexpr std::size_t storeVerbCount = 8;

} // namespace Leasehold
