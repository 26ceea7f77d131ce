#pragma once

#include "Housekeeping.h"
#include "LeaseHandoff.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/TimeSource.h"

#include <string>

namespace Leasehold
{

class Lease;
class LeaseSupervision;
class ObserverList;
class StoreCalls;
class WaitLines;

/// Ends leases that their holder releases: hands them to a waiting thread, releases them in the storage, or lets them expire when their
/// minHold is over. Thread-safe.
class LeaseReleaser
{
public:
    LeaseReleaser(const LockPolicy& policy, StoreCalls& calls, const ObserverList& observers, WaitLines& lines, LeaseSupervision& leases) :
        _policy(policy), _calls(calls), _observers(observers), _lines(lines), _leases(leases)
    {
    }

    /// Ends one lease for its holder. Throws LockLostError, LockStoreUnavailable, LockStoreError. A second call does nothing.
    void release(Lease& lease);

    /// Tries once to release a lease that no thread of this process holds any more, also while the service is stopping.
    void giveBack(const LeaseHandoff& handoff) noexcept;
    void giveBack(const Lease& lease) noexcept;

    /// The same for a lease that an acquire with an unknown outcome may have been granted. Its fence is not known.
    void releaseOrphan(LeaseRef orphan) noexcept;

    /// The keeper has released an orphan.
    void orphanReleased(const Orphan& orphan, const ReleaseReply& reply);

private:
    struct Ended : ReleaseReply
    {
        Milliseconds takenFor{0}; ///< how long the lock stays taken, see LockOptions::minHold
    };

    bool handOver(const Lease& lease, LocalTime now);
    Ended sendRelease(Lease& lease, LocalTime now);
    Ended endLease(const Lease& lease, const CallContext& context);
    void giveBackLost(Lease& lease, LocalTime now);
    void giveBack(const LeaseRef& ref, Fence fence, LocalTime storedUntil, LocalTime turnBegan) noexcept;
    void noteReleased(const std::string& name, LocalTime turnBegan, const ReleaseReply& reply, LocalTime now);

    const LockPolicy& _policy;
    StoreCalls& _calls;
    const ObserverList& _observers;
    WaitLines& _lines;
    LeaseSupervision& _leases;
};

/// The exception of release and requireHeld for a lease that is not held.
LockLostError lostError(const Lease& lease, const std::string& detail = {});

} // namespace Leasehold
