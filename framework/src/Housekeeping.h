#pragma once

#include "LeaseTable.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/TimeSource.h"
#include "LossNotifier.h"
#include "StoreCalls.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace Leasehold
{

/// A lease that the storage may keep although no thread of this process holds it: an acquire had an unknown outcome, or the holder lost it.
struct Orphan
{
    LeaseRef lease{};                     ///< fence 0: not known; `find` tells it
    LocalTime until{};                    ///< the lease expires then
    Fence fence = 0;                      ///< of its last holder; 0: it had no holder, and observers are not told of a failure
    std::optional<LocalTime> turnBegan{}; ///< see WaitLines
    std::string failure{};                ///< of the last attempt to release it
};

/// The work of the keeper's thread between renewals: it releases orphans and prunes. Renewals come first: each call ends before the next
/// renewal is due, and giveWay() cancels it for a renewal that comes due earlier. Housekeeping tries a cancelled call again.
class Housekeeping
{
public:
    /// The maximum number of orphans. Further ones are left to expire.
    static constexpr std::size_t maxOrphans = 10'000;

    /// Calls `onFreed` on the keeper's thread when it has released an orphan. `onFreed` must not block.
    Housekeeping(StoreCalls& calls, const LockPolicy& policy, LeaseTable& table, LossNotifier& notifier,
                 std::function<void(const Orphan&, const ReleaseReply&)> onFreed);

    /// False: finish() has been called. May be called from any thread.
    bool add(Orphan orphan);

    /// Cancels the call that is under way. May be called from any thread.
    void giveWay();

    /// When doNext has something to do; max(): never. Only the keeper's thread may call this and the functions below.
    LocalTime dueAt() const;

    /// Makes one call, if one is due and there is time for it before the next renewal.
    void doNext();

    /// The service is stopping: tries to release each orphan once, all within one call timeout.
    void finish();

private:
    class Gap;

    std::optional<Orphan> takeOrphan();
    void releaseOrphan(Orphan orphan, const Gap& gap);
    bool tryRelease(Orphan& orphan, const CallContext& context);
    void giveUp(const Orphan& orphan, const std::string& why);
    void prune(const Gap& gap);
    void pruneFailed(const Gap& gap, const std::string& why);

    StoreCalls& _calls;
    const TimeSource& _clock;
    const LockPolicy& _policy;
    LeaseTable& _table;
    LossNotifier& _notifier;
    const std::function<void(const Orphan&, const ReleaseReply&)> _onFreed;
    mutable std::mutex _mutex; // guards the next three members
    std::deque<Orphan> _orphans;
    bool _finished = false;
    std::stop_source _underWay{std::nostopstate}; // cancels the call that is under way
    LocalTime _pruneAt;
    LocalTime _notBefore = LocalTime::min(); // the earliest time of the next call, after a failure or when there was no time for one
};

} // namespace Leasehold
