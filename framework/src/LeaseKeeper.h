#pragma once

#include "DueRenewals.h"
#include "Housekeeping.h"
#include "LeaseTable.h"
#include "LossNotifier.h"
#include "LossWatchdog.h"
#include "StoreCalls.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace Leasehold
{

/// The thread that renews leases. It wakes for the earliest due renewal, adds renewals that are due soon, and sends them in chunks, the
/// earliest end first; after each chunk it adds renewals that came due meanwhile. A failure of the store does not end it: it retries
/// each renewal until the lease ends. Between renewals it does the housekeeping.
class LeaseKeeper
{
public:
    /// The maximum number of renewals in one call. Larger calls are not faster, and one slow answer would delay more leases.
    static constexpr std::size_t chunkSize = 1000;

    /// `onFreed`: see Housekeeping.
    LeaseKeeper(StoreCalls& calls, const LockPolicy& policy, LeaseTable& table, LossWatchdog& watchdog, LossNotifier& notifier,
                std::function<void(const Orphan&, const ReleaseReply&)> onFreed);
    ~LeaseKeeper() { stop(); }
    LeaseKeeper(const LeaseKeeper&) = delete;
    LeaseKeeper& operator=(const LeaseKeeper&) = delete;

    /// Throws std::system_error if the system has no thread left. Does nothing if the thread runs.
    void start();

    /// A renewal is due earlier than the thread planned: it plans again, and its housekeeping call is cancelled. May be called from any
    /// thread.
    void wake();

    /// Queues an orphan for release: best effort, when no renewal is due. Does not wait. False: the thread has ended. May be called from
    /// any thread.
    bool releaseOrphan(Orphan orphan);

    /// Ends the thread within one call timeout. The caller must have cancelled the store's call under way.
    void stop();

private:
    using Leases = LeaseTable::Leases;

    enum class Answer
    {
        came,
        refused, ///< the store answered, and failed for this chunk
        missing  ///< the store is unavailable, or slower than the chunk's call timeout
    };

    void run();
    void takeDue();
    void renewDue();
    Answer renewChunk(const Leases& chunk, Milliseconds callTimeout);
    void fillRequests(const Leases& chunk);
    void judge(const Leases& chunk, const std::vector<RenewReply>& replies, LocalTime requested);
    LocalTime nextTry(const Leases& leases) const;

    StoreCalls& _calls;
    const TimeSource& _clock;
    const RetryPolicy& _retry;
    LeaseTable& _table;
    LossWatchdog& _watchdog;
    LossNotifier& _notifier;
    const std::unique_ptr<TimeSource::Waiter> _waiter;
    Housekeeping _housekeeping;
    DueRenewals _due;                    // used by the thread only
    std::vector<RenewRequest> _requests; // used by the thread only; a member, so that its memory is reused
    std::atomic<bool> _stopping{false};
    std::thread _thread;
};

} // namespace Leasehold
