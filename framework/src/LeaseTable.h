#pragma once

#include "Lease.h"
#include "LeaseCalendar.h"

#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace Leasehold
{

/// The leases that a service keeps, by when they are to be renewed and by when they end. The one place that changes how a
/// lease stands, so that release, renewal and loss cannot both win. Thread-safe; calls nothing but its two wake functions.
class LeaseTable
{
public:
    using Leases = std::vector<std::shared_ptr<Lease>>;

    /// A lease is marked lost so long before it ends, so that its holder is told before anybody else can hold it.
    static constexpr Milliseconds lossLead{20};

    /// The functions are called, without the table's mutex, when the thread that planned its sleep by it must wake earlier.
    LeaseTable(std::function<void()> wakeKeeper, std::function<void()> wakeWatchdog);

    /// Begins to keep a lease that was asked for at `requested` and granted for `remaining`. False: the table is closed.
    bool add(Lease& lease, LocalTime requested, Milliseconds remaining);

    enum class ReleaseStart
    {
        released,
        lostNow, ///< it had ended by the clock, and nobody had said so yet: its holder must be told
        endedBefore
    };

    /// Stops keeping it because its holder gives it back at `now`.
    ReleaseStart beginRelease(Lease& lease, LocalTime now);

    /// Marks it lost. False: it had ended before.
    bool markLost(Lease& lease, LossReason reason);

    /// The storage answered the release of beginRelease with "not yours": it had been lost, and nobody had noticed.
    void markReleaseRefused(Lease& lease);

    /// Marks the leases lost that have this name, token and fence, and returns them: one or none.
    Leases takeRefused(const LeaseRef& ref);

    /// Marks all that end by `now` (a little early, see lossLead) and returns them.
    Leases takeEnded(LocalTime now);

    /// Ends everything (reason serviceStopped) and takes no more.
    Leases close();

    /// Takes out what is due at `now`, and what may come along because it is due soon, most urgent first; nothing if nothing is due
    /// yet. Each must be given back by extend or postpone, unless it ends meanwhile.
    Leases takeDue(LocalTime now);

    /// A renewal that was asked for at `requested` was granted for `remaining`; it is due again at `renewAt`. False: the lease had
    /// ended before, and the answer changes nothing.
    bool extend(Lease& lease, LocalTime requested, Milliseconds remaining, LocalTime renewAt);

    /// A renewal failed: try again at `renewAt`. `counts`: it was really sent.
    void postpone(Lease& lease, LocalTime renewAt, bool counts);

    /// The most renewals in a row that failed for one of these.
    int failedRenewals(std::span<const std::shared_ptr<Lease>> leases) const;

    /// The next time at which the keeper or the watchdog has work, as seen at `now`. The thread must sleep until then or until it is
    /// woken.
    LocalTime planKeeper(LocalTime now);
    LocalTime planWatchdog(LocalTime now);

private:
    /// Until when a thread sleeps. It is woken only for what comes earlier, and then not again before it has planned anew.
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

        /// It sleeps until there is work; but where the work that it was woken for has gone, it stays ready for the like until then.
        /// A lock that is taken and released again and again would else wake it each time.
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
    void lose(Lease& lease, LossReason reason);

    const std::function<void()> _wakeKeeper, _wakeWatchdog;
    mutable std::mutex _mutex;
    LeaseCalendar _mayTravelEarly{&Lease::_renewalLink}; // a lease is in one of these two, by Lease::_travelsEarly,
    LeaseCalendar _dueExactly{&Lease::_renewalLink};     // unless its renewal is under way
    LeaseCalendar _byEnd{&Lease::_endLink};
    Sleep _keeper, _watchdog;
    bool _closed = false;
};

} // namespace Leasehold
