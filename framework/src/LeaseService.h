#pragma once

#include "ForkMark.h"
#include "LeaseKeeper.h"
#include "LeaseTable.h"
#include "Leasehold/LockManagerService.h"
#include "LossNotifier.h"
#include "LossWatchdog.h"
#include "ObserverList.h"
#include "StoreCalls.h"
#include "StoreHints.h"
#include "WaitLines.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace Leasehold
{

/// What LockManagerService and the locks that it granted share: the store and the policy, the leases, and the three threads that
/// keep them. It holds no rule: those are the policies', and LeaseRules' in the storage. How a lock is taken is in
/// LeaseServiceAcquire.cpp, how it is given back in LeaseServiceRelease.cpp.
class LeaseService : public std::enable_shared_from_this<LeaseService>
{
public:
    LeaseService(std::shared_ptr<LockStore> store, LockPolicy policy, ServiceParts parts);
    ~LeaseService();

    const LockPolicy& policy() const noexcept { return _policy; }

    LockAttempt tryAcquire(const std::string& name, const LockOptions& options);

    /// The message of a failed acquire.
    std::string describeHeld(const LockRecord& holder, const std::string& name) const;

    /// Ends one lease as its holder wishes. Throws LockLostError, LockStoreUnavailable, LockStoreError. The second time, nothing.
    void release(Lease& lease);

    std::optional<LockRecord> find(const std::string& name);
    std::vector<LockRecord> list(const ListQuery& query);
    bool breakLock(const std::string& name, Fence expected, BreakMode mode);
    StoreCheck check();

    /// Makes every lease lost and ends the threads, within one call deadline.
    void stop() noexcept;

    /// Hints of a store that hears by itself; see StoreListener.
    void onLost(const LeaseRef& lease);
    void onMayBeFree(const std::string& name);

    /// Throws LockException in a forked child.
    void requireNative() const { _fork.requireNative("this LockManagerService"); }
    bool isForeign() const noexcept { return _fork.isForeign(); }

private:
    struct Acquisition;

    using Answer = std::variant<std::shared_ptr<Lease>, LockRecord>;

    std::shared_ptr<const LeasePolicy> leasePolicyFor(const LockOptions& options) const;
    Answer obtain(Acquisition& acquisition);
    Answer waitInLine(Acquisition& acquisition, std::optional<LockRecord> holder);
    Answer askOnce(Acquisition& acquisition, LocalTime now);
    void spareFences(Acquisition& acquisition, Fence wanted);
    std::shared_ptr<Lease> takeOver(Acquisition& acquisition, const Baton& baton, LocalTime now);
    std::shared_ptr<Lease> keep(Acquisition& acquisition, const LockRecord& granted, LocalTime requested);
    void begin(Lease& lease, LocalTime requested, Milliseconds remaining);
    void startThreads();
    void layGhost(Acquisition& acquisition);
    ReleaseStatus sendRelease(Lease& lease, LocalTime now);
    bool handOver(const Lease& lease, LocalTime now);
    void giveBackLost(Lease& lease, LocalTime now);
    void giveBack(const LeaseRef& ref, Fence fence, LocalTime storedUntil, LocalTime turnBegan);
    void reportLoss(Lease& lease);
    void pruneIfDue(LocalTime now);

    template <typename Verb>
    auto ask(const std::stop_token& cancel, Verb verb);

    const ForkMark _fork;
    const LockPolicy _policy;
    const std::shared_ptr<const LeasePolicy> _leasePolicy;
    const std::shared_ptr<const Clock> _clock;
    const std::shared_ptr<const ObserverList> _observers;
    std::stop_source _stop;
    StoreCalls _calls;
    WaitLines _lines;
    LeaseTable _table;
    LossNotifier _notifier;
    LossWatchdog _watchdog;
    LeaseKeeper _keeper;
    const std::shared_ptr<StoreHints> _hints;
    std::mutex _starting; // of the threads; also held when they are stopped
    std::atomic<bool> _started{false};
    bool _stopped = false;      // under _starting
    bool _sparesFences = false; // does the store; known when the threads are started
    std::atomic<Clock::rep> _pruneAt;
};

/// `span` after `from`; `forever` after it is never.
inline LocalTime later(LocalTime from, Milliseconds span)
{
    return span == forever ? LocalTime::max() : from + span;
}

/// What release and requireHeld throw for a lease that is not held.
LockLostError lostError(const Lease& lease, const std::string& detail = {});

} // namespace Leasehold
