#pragma once

#include "LeaseReleaser.h"
#include "LeaseSupervision.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/Store/ForkGuard.h"
#include "LockAcquisition.h"
#include "ObserverList.h"
#include "ReleaseWatch.h"
#include "StoreCalls.h"
#include "WaitLines.h"

#include <memory>
#include <optional>

namespace Leasehold
{

class LockWait;

/// Shared by a LockManagerService and the locks that it granted. It makes no decisions: the policies do, and LeaseRules in the storage.
/// LockAcquisition and LockWait acquire locks, LeaseReleaser ends them, and LeaseSupervision keeps them.
class LeaseService : public std::enable_shared_from_this<LeaseService>
{
public:
    LeaseService(std::shared_ptr<LockStore> store, LockPolicy policy, ServiceParts parts);
    ~LeaseService();

    const LockPolicy& policy() const noexcept { return _policy; }

    LockAttempt tryAcquire(const std::string& name, const LockOptions& options);

    /// The message of a failed acquire.
    std::string describeHeld(const LockRecord& holder, const std::string& name) const;

    /// See LeaseReleaser.
    void release(Lease& lease) { _releaser.release(lease); }

    std::optional<LockRecord> find(const std::string& name);
    std::vector<LockRecord> list(const ListQuery& query);
    bool breakLock(const std::string& name, Fence expected, BreakMode mode);
    StoreCheck check();

    /// Marks every lease lost and ends the threads, within one call timeout.
    void stop() noexcept;

    /// Throws LockException in a forked child.
    void requireNative() const { _fork.requireNative<LockException>("this LockManagerService"); }
    bool isForeign() const noexcept { return _fork.isForeign(); }

private:
    ServiceCore core();
    std::shared_ptr<const LeasePolicy> leasePolicyFor(const LockOptions& options) const;
    void requireValid(const std::string& name, const LockOptions& options) const;
    void prepareAndStart(LockWait& wait);
    LockRecord asHolderSees(LockRecord record) const;

    template <typename Verb>
    auto ask(Verb verb);

    const ForkGuard _fork;
    const LockPolicy _policy;
    const std::shared_ptr<const LeasePolicy> _leasePolicy;
    const std::shared_ptr<const TimeSource> _clock;
    const std::shared_ptr<const ObserverList> _observers;
    std::stop_source _stop;
    StoreCalls _calls;
    WaitLines _lines;
    LeaseSupervision _leases;
    LeaseReleaser _releaser;
    ReleaseWatch _watch;
};

} // namespace Leasehold
