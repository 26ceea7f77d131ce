#pragma once

#include "Lease.h"
#include "LeaseHeap.h"

#include <functional>
#include <mutex>
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

    /// The functions are called, with the table's mutex held, when the thread that planned its sleep by it must wake earlier.
    LeaseTable(std::function<void()> wakeKeeper, std::function<void()> wakeWatchdog);

    /// Begins to keep a lease that is valid until `validUntil` and due for renewal at `renewAt`. False: the table is closed.
    bool add(Lease& lease, LocalTime validUntil, LocalTime renewAt);

    enum class ReleaseStart
    {
        released,
        lostNow, ///< it had ended by the clock, and nobody had said so yet: its holder must be told
        endedBefore
    };

    /// Stops keeping it because its holder gives it back.
    ReleaseStart beginRelease(Lease& lease);

    /// Marks it lost. False: it had ended before.
    bool markLost(Lease& lease, LossReason reason);

    /// The storage answered the release of beginRelease with "not yours": it had been lost, and nobody had noticed.
    void markReleaseRefused(Lease& lease);

    /// Marks all that end by `now` (a little early, see lossLead) and returns them.
    Leases takeEnded(LocalTime now);

    /// Ends everything (reason serviceStopped) and takes no more.
    Leases close();

    /// Takes out what is due at `now` and what comes due soon after, most urgent first; nothing if nothing is due yet.
    /// Each must be given back by extend or postpone, unless it ends meanwhile.
    Leases takeDue(LocalTime now);

    /// The renewal that was asked for at `requested` was granted for `remaining`. False: the lease had ended before; the
    /// answer changes nothing.
    bool extend(Lease& lease, LocalTime requested, Milliseconds remaining, LocalTime renewAt);

    /// A renewal failed: try again at `renewAt`. `counts`: it was really sent.
    void postpone(Lease& lease, LocalTime renewAt, bool counts);

    /// How many renewals of the lease failed in a row.
    int failedRenewals(const Lease& lease) const;

    /// The next time at which the keeper or the watchdog has work. The thread must sleep until then or until it is woken.
    LocalTime planKeeper();
    LocalTime planWatchdog();

    std::size_t size() const;

private:
    static LocalTime endOf(const Lease& lease);
    void forget(Lease& lease);
    void lose(Lease& lease, LossReason reason);
    void plan(Lease& lease, LocalTime renewAt);

    const std::function<void()> _wakeKeeper, _wakeWatchdog;
    mutable std::mutex _mutex;
    LeaseHeap _byRenewal{&Lease::_renewalPlace};
    LeaseHeap _byEnd{&Lease::_endPlace};
    LocalTime _keeperSleepsUntil = LocalTime::min(); // min(): it is awake and will plan again
    LocalTime _watchdogSleepsUntil = LocalTime::min();
    bool _closed = false;
};

} // namespace Leasehold
