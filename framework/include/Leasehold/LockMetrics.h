#pragma once

#include "Leasehold/LockObserver.h"

#include <atomic>
#include <cstdint>

namespace Leasehold
{

/// Counts and times what happens. Add it to the observers of a service and read it from any thread.
class LockMetrics : public LockObserver
{
public:
    /// A consistent enough copy: each number is exact, they are read one after another.
    struct Snapshot
    {
        std::uint64_t acquired = 0, held = 0, waited = 0;
        std::uint64_t renewed = 0, renewalsFailed = 0;
        std::uint64_t lostExpired = 0, lostRefused = 0, lostMaxHold = 0, lostServiceStopped = 0;
        std::uint64_t released = 0, releasesFailed = 0;
        std::uint64_t callbacksMisbehaved = 0, prunesFailed = 0;
        Elapsed acquireTime{}, longestAcquire{}; ///< sum and greatest, over acquired
        Elapsed renewTime{}, longestRenew{};     ///< sum and greatest, over renewed
        Elapsed heldTime{};                      ///< sum over released

        std::uint64_t lost() const { return lostExpired + lostRefused + lostMaxHold + lostServiceStopped; }
    };
    Snapshot snapshot() const;

    void acquired(const std::string& name, Fence fence, Elapsed took) override;
    void held(const std::string& name, const LockRecord& holder) override;
    void waited(const std::string& name, const LockRecord& holder, Elapsed soFar) override;
    void renewed(const std::string& name, Fence fence, Elapsed took) override;
    void renewalFailed(const std::string& name, Fence fence, const std::string& why, Milliseconds leftOfTheLease) override;
    void lost(const std::string& name, Fence fence, LossReason reason) override;
    void released(const std::string& name, Fence fence, Elapsed heldFor) override;
    void releaseFailed(const std::string& name, Fence fence, const std::string& why) override;
    void callbackMisbehaved(const std::string& what) override;
    void pruneFailed(const std::string& why) override;

private:
    using Counter = std::atomic<std::uint64_t>;
    Counter _acquired{0}, _held{0}, _waited{0}, _renewed{0}, _renewalsFailed{0};
    Counter _lostExpired{0}, _lostRefused{0}, _lostMaxHold{0}, _lostServiceStopped{0};
    Counter _released{0}, _releasesFailed{0}, _callbacksMisbehaved{0}, _prunesFailed{0};
    std::atomic<std::int64_t> _acquireTime{0}, _longestAcquire{0}, _renewTime{0}, _longestRenew{0}, _heldTime{0};
};

} // namespace Leasehold
