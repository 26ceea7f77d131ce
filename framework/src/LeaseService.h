#pragma once

#include "ForkMark.h"
#include "LeaseKeeper.h"
#include "LeaseTable.h"
#include "Leasehold/LockManagerService.h"
#include "LossNotifier.h"
#include "LossWatchdog.h"
#include "ObserverList.h"
#include "StoreCalls.h"
#include "WaitLines.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <variant>

namespace Leasehold
{

/// What LockManagerService and the locks that it granted share: the store and the policy, the leases, and the three threads that
/// keep them. It holds no rule: those are the policies', and LeaseRules' in the storage.
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

    /// Throws LockException in a forked child.
    void requireNative() const { _fork.requireNative("this LockManagerService"); }
    bool isForeign() const noexcept { return _fork.isForeign(); }

private:
    struct Acquisition;

    std::shared_ptr<const LeasePolicy> leasePolicyFor(const LockOptions& options) const;
    std::variant<std::shared_ptr<Lease>, LockRecord> askOnce(Acquisition& acquisition);
    std::shared_ptr<Lease> keep(Acquisition& acquisition, const LockRecord& granted, LocalTime requested);
    std::optional<LockRecord> waitFor(Acquisition& acquisition, std::shared_ptr<Lease>& lease);
    void startThreads();
    void giveBackLost(Lease& lease);
    void reportLoss(Lease& lease);
    void pruneIfDue();

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
    std::mutex _starting;
    std::atomic<bool> _started{false};
    std::atomic<bool> _stopped{false};
    std::atomic<Clock::rep> _pruneAt;
};

/// What release and requireHeld throw for a lease that is not held.
LockLostError lostError(const Lease& lease, const std::string& detail = {});

} // namespace Leasehold
