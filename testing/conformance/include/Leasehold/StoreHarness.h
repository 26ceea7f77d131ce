#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/Store/LockStore.h"

#include <memory>

namespace Leasehold
{

/// The functions by which the conformance kit uses a storage. One harness object is one new, empty storage: the kit makes one for each test
/// and destroys it afterwards, with its storage. A harness also derives from the classes of StorageCapabilities.h for further abilities.
class LEASEHOLD_EXPORT StoreHarness
{
public:
    virtual ~StoreHarness() = default;

    /// A view of this storage as another process would have it: it must share only the storage with earlier views. (A storage inside one
    /// process may return the same store again.) It must not touch the storage.
    virtual std::shared_ptr<LockStore> openStore() = 0;

    /// Moves the clock that judges expiry by at least `span`, or waits until it has moved.
    virtual void advance(Milliseconds span) = 0;

    /// The TTL of tests that wait for the end of a lease: long enough for a few calls on a busy machine, short enough to wait for.
    virtual Milliseconds shortTtl() const = 0;

    /// How much later than told a restart of the storage may let live leases end. Only later: a lease never ends early.
    virtual Milliseconds restartProlongs() const { return Milliseconds{0}; }
    /// True: the storage does not know when a lease ended that nobody ended. The first prune that finds it dead counts as its end.
    virtual bool prunesInTwoSteps() const { return false; }

    /// Makes the feed of the store (LockStore::releaseFeed) deaf, or lets it hear again. False: this harness cannot do that.
    virtual bool setFeedDeaf(bool) { return false; }
    /// How long the tests wait in real time for an event of a feed.
    virtual Milliseconds feedDeadline() const { return std::chrono::seconds{30}; }
};

} // namespace Leasehold
