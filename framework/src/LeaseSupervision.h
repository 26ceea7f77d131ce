#pragma once

#include "LeaseKeeper.h"
#include "LeaseTable.h"
#include "LossNotifier.h"
#include "LossWatchdog.h"
#include "ObserverList.h"
#include "StoreCalls.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace Leasehold
{

/// The leases that a service keeps, and the three threads that keep them. Thread-safe.
class LeaseSupervision
{
public:
    /// `onFreed`: see Housekeeping.
    LeaseSupervision(StoreCalls& calls, const LockPolicy& policy, std::shared_ptr<const ObserverList> observers,
                     std::function<void(const Orphan&, const ReleaseReply&)> onFreed);

    bool isStarted() const { return _started.load(std::memory_order_acquire); }

    /// The first call starts the threads and then runs `whenStarted`. Throws LockException if the system has no thread left.
    void start(const std::function<void()>& whenStarted);

    /// Runs `beforeTheEnd`, marks every lease lost and ends the threads, within one call timeout. A second call does nothing.
    void stop(const std::function<void()>& beforeTheEnd) noexcept;

    LeaseTable& table() { return _table; }
    const LeaseTable& table() const { return _table; }

    /// See LeaseKeeper::releaseOrphan.
    bool releaseOrphan(Orphan orphan) { return _keeper.releaseOrphan(std::move(orphan)); }

    /// Tells the holder of a loss that the table has already recorded.
    void reportLoss(Lease& lease) { report({lease.shared_from_this()}); }

    /// The storage has answered that it no longer holds this lease for us.
    void loseRefused(const LeaseRef& ref) { report(_table.takeRefused(ref)); }

    /// This process has broken the lease with this fence in the storage.
    void loseBroken(const std::string& name, Fence fence) { report(_table.takeBroken(name, fence)); }

    /// Tells the observers, after the losses, on the notifier's thread.
    void tell(LossNotifier::Tell call) { _notifier.tell(std::move(call)); }

private:
    void report(LeaseTable::Leases lost);

    StoreCalls& _calls;
    const LockPolicy& _policy;
    LeaseTable _table;
    LossNotifier _notifier;
    LossWatchdog _watchdog;
    LeaseKeeper _keeper;
    std::mutex _starting; // locked while the threads start or stop
    std::atomic<bool> _started{false};
    bool _stopped = false; // under _starting
};

} // namespace Leasehold
