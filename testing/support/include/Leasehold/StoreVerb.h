#pragma once

#include <cstddef>

namespace Leasehold
{

/// The verbs of a LockStore, for stores that change single verbs.
enum class StoreVerb
{
    prepare,   ///< see LockStore::prepare
    acquire,   ///< see LockStore::acquire
    renew,     ///< see LockStore::renew
    release,   ///< see LockStore::release
    find,      ///< see LockStore::find
    list,      ///< see LockStore::list
    breakLock, ///< see LockStore::breakLock
    prune      ///< see LockStore::prune
};

/// How many verbs there are.
inline constexpr std::size_t storeVerbCount = 8;

} // namespace Leasehold
