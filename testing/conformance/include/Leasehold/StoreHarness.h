#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/LockStore.h"

#include <memory>

namespace Leasehold
{

/// What the conformance kit must be able to do with a storage. One harness object is one new, empty storage: the kit makes one
/// for each test and destroys it, and the storage with it, afterwards. What more a storage can do is said by deriving from
/// StorageCapabilities.h as well.
class StoreHarness
{
public:
    virtual ~StoreHarness() = default;

    /// A view of this storage as another process would have it: it must share nothing with the views before it but the storage.
    /// (A storage that lives inside one process may hand out the same store again.) It must not touch the storage.
    virtual std::shared_ptr<LockStore> openStore() = 0;

    /// Returns when the clock by which the storage judges expiry has moved on by at least `span`: moves it, or waits.
    virtual void advance(Milliseconds span) = 0;

    /// The lease of tests that wait for its end: long enough for a few calls to the storage on a busy machine, short enough to be
    /// waited for.
    virtual Milliseconds shortTtl() const = 0;
};

} // namespace Leasehold
