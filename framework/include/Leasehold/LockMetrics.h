#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/LockObserver.h"

#include <atomic>
#include <cstdint>

namespace Leasehold
{

/// Counts and times the events of a service. Add it to the observers of a service and read it from any thread.
class LEASEHOLD_EXPORT LockMetrics : public LockObserver
{
public:
    /// The numbers at one moment. Each number is exact; they are read one after another, so they may differ by events under way.
    struct Snapshot
    {
        std::uint64_t acquired = 0;            ///< see LockObserver::acquired
        std::uint64_t held = 0;                ///< see LockObserver::held
        std::uint64_t waited = 0;              ///< see LockObserver::waited
        std::uint64_t storeUnavailable = 0;    ///< see LockObserver::storeUnavailable
        std::uint64_t renewed = 0;             ///< see LockObserver::renewed
        std::uint64_t renewalsFailed = 0;      ///< see LockObserver::renewalFailed
        std::uint64_t lostExpired = 0;         ///< see LossReason::expired
        std::uint64_t lostRefused = 0;         ///< see LossReason::refused
        std::uint64_t lostMaxHold = 0;         ///< see LossReason::maxHold
        std::uint64_t lostServiceStopped = 0;  ///< see LossReason::serviceStopped
        std::uint64_t lostBroken = 0;          ///< see LossReason::broken
        std::uint64_t released = 0;            ///< see LockObserver::released
        std::uint64_t releasesFailed = 0;      ///< see LockObserver::releaseFailed
        std::uint64_t callbacksMisbehaved = 0; ///< see LockObserver::callbackMisbehaved
        std::uint64_t prunesFailed = 0;        ///< see LockObserver::pruneFailed
        Elapsed acquireTime{};                 ///< the sum over `acquired`
        Elapsed longestAcquire{};              ///< the greatest of them
        Elapsed renewTime{};                   ///< the sum over `renewed`
        Elapsed longestRenew{};                ///< the greatest of them
        Elapsed heldTime{};                    ///< the sum over `released`

        /// All losses.
        std::uint64_t lost() const { return lostExpired + lostRefused + lostMaxHold + lostServiceStopped + lostBroken; }
    };
    /// The numbers now.
    Snapshot snapshot() const;

    void acquired(const std::string& name, Fence fence, Elapsed took) override;
    void held(const std::string& name, const LockRecord& holder) override;
    void waited(const std::string& name, const LockRecord& holder, Elapsed soFar) override;
    void storeUnavailable(const std::string& name, const std::string& why, Elapsed soFar) override;
    void renewed(const std::string& name, Fence fence, Elapsed took) override;
    void renewalFailed(const std::string& name, Fence fence, const std::string& why, Milliseconds leftOfTheLease) override;
    void lost(const std::string& name, Fence fence, LossReason reason) override;
    void released(const std::string& name, Fence fence, Elapsed heldFor) override;
    void releaseFailed(const std::string& name, Fence fence, const std::string& why) override;
    void callbackMisbehaved(const std::string& what) override;
    void pruneFailed(const std::string& why) override;

private:
    using Counter = std::atomic<std::uint64_t>;
    Counter _acquired{0}, _held{0}, _waited{0}, _storeUnavailable{0}, _renewed{0}, _renewalsFailed{0};
    Counter _lostExpired{0}, _lostRefused{0}, _lostMaxHold{0}, _lostServiceStopped{0}, _lostBroken{0};
    Counter _released{0}, _releasesFailed{0}, _callbacksMisbehaved{0}, _prunesFailed{0};
    std::atomic<std::int64_t> _acquireTime{0}, _longestAcquire{0}, _renewTime{0}, _longestRenew{0}, _heldTime{0};
};

} // namespace Leasehold
