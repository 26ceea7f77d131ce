#pragma once

#include "Lease.h"
#include "LeaseCalendar.h"

#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace Leasehold
{

/// The leases that a service keeps, sorted by due renewal and by end. Only this class changes a lease's standing, so that of release,
/// renewal and loss only one wins. Thread-safe; calls only its two wake functions.
class LeaseTable
{
public:
    using Leases = std::vector<std::shared_ptr<Lease>>;

    /// The table calls a function, without its mutex, when that thread must wake earlier than it planned.
    LeaseTable(std::function<void()> wakeKeeper, std::function<void()> wakeWatchdog);

    /// Begins to keep a lease that was requested at `requested` and granted for `remaining`. False: the table is closed.
    bool add(Lease& lease, LocalTime requested, Milliseconds remaining);

    enum class ReleaseStart
    {
        released,
        lostNow, ///< it had expired, and its holder was not told yet: the caller must tell it
        endedBefore
    };

    /// Stops keeping it because its holder releases it at `now`.
    ReleaseStart beginRelease(Lease& lease, LocalTime now);

    /// Call it after beginRelease. Returns when no renewal of the lease is under way, at the latest at `deadline`. A late renewal does not
    /// change a released lease, but it would extend one that is left to expire.
    void awaitRenewal(Lease& lease, LocalTime deadline);

    /// Marks it lost. False: it had ended before.
    bool markLost(Lease& lease, LossReason reason);

    /// Call it after beginRelease when the storage has answered "not held": the lease had been lost, unnoticed.
    void markReleaseRefused(Lease& lease, LossReason reason);

    /// Marks the lease with this name, token and fence as lost and returns it: one or none.
    Leases takeRefused(const LeaseRef& ref);

    /// The same for a lease that this process has broken; `fence` is the fence in the storage.
    Leases takeBroken(const std::string& name, Fence fence);

    /// Whether the holder with this fence in the storage is one of these leases. It searches all leases, so call it once per holder.
    bool holds(const std::string& name, Fence fence) const;

    /// When a lease is handed on (LeaseHandoff), the storage knows the greatest reserved fence, and each holder has its own. These two
    /// functions translate the present holder's fence and return any other fence unchanged.
    Fence holderFence(const std::string& name, Fence storedFence) const;
    Fence storedFence(const std::string& name, Fence holderFence) const;

    /// Marks all leases lost that end by `now` (a little early, see LeasePolicy::lossLead) and returns them.
    Leases takeEnded(LocalTime now);

    /// Marks all leases lost (reason serviceStopped), and accepts no further lease.
    Leases close();

    /// If a renewal is due at `now`, takes all leases that are due and those that may be renewed early; else none. The caller must return
    /// each by extend or postpone, unless it ends meanwhile.
    Leases takeDue(LocalTime now);

    /// A renewal that was requested at `requested` was granted for `remaining`. The next renewal is due relative to takeDue, so that leases
    /// taken together come due together. False: the lease had ended before, and the answer changes nothing.
    bool extend(Lease& lease, LocalTime requested, Milliseconds remaining);

    /// A renewal failed and will be retried at `renewAt`. `counts`: the request was sent, so it counts as a failed renewal.
    void postpone(Lease& lease, LocalTime renewAt, bool counts);

    /// The maximum over these leases of the renewals that failed in a row.
    int failedRenewals(std::span<const std::shared_ptr<Lease>> leases) const;

    /// The next time at which the keeper or the watchdog has work. The thread must sleep until then or until it is woken.
    LocalTime planKeeper(LocalTime now);
    LocalTime planWatchdog(LocalTime now);

private:
    /// The planned wake-up time of a thread. The thread is woken only for earlier work, and then not again before it has planned anew.
    class Sleep
    {
    public:
        /// True: the thread must be woken.
        bool mustWake(LocalTime work)
        {
            if (work >= _until)
                return false;
            _until = LocalTime::min();
            _asked = work;
            return true;
        }

        /// It sleeps until there is work. If the work that it was woken for has gone, it keeps its earlier wake-up time, so that
        /// short-lived locks do not wake it again and again.
        LocalTime plan(LocalTime work, LocalTime now) { return _until = std::min(work, _asked > now ? _asked : LocalTime::max()); }

    private:
        LocalTime _until = LocalTime::max(); // min(): it is awake and will plan again
        LocalTime _asked = LocalTime::min();
    };

    struct Wakes
    {
        bool keeper = false, watchdog = false;
    };

    static LocalTime endOf(const Lease& lease);
    LeaseCalendar& renewals(const Lease& lease) { return lease._travelsEarly ? _mayTravelEarly : _dueExactly; }
    LocalTime earliestRenewal() const { return std::min(_mayTravelEarly.earliest(), _dueExactly.earliest()); }
    void setEnd(Lease& lease, LocalTime requested, Milliseconds remaining);
    Wakes plan(Lease& lease, LocalTime renewAt);
    void wake(const Wakes& wakes) const;
    void forget(Lease& lease);
    void end(Lease& lease);
    static void endRenewal(Lease& lease);
    void lose(Lease& lease, LossReason reason);
    template <typename Predicate>
    Leases take(Predicate isMeant, LossReason reason);

    const std::function<void()> _wakeKeeper, _wakeWatchdog;
    mutable std::mutex _mutex;
    LeaseCalendar _mayTravelEarly{&Lease::_renewalLink}; // a lease is in one of these two, by Lease::_travelsEarly,
    LeaseCalendar _dueExactly{&Lease::_renewalLink};     // unless its renewal is under way
    LeaseCalendar _byEnd{&Lease::_endLink};
    std::unordered_map<std::string, const Lease*> _handedOn; // by name: leases whose holder has another fence than the storage shows
    Sleep _keeper, _watchdog;
    bool _closed = false;
};

} // namespace Leasehold
