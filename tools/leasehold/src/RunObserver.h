#pragma once

#include "Wakeup.h"

#include "Leasehold/LockObserver.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold::Tool
{

/// The state of `run`'s lock while the service renews it. The service's threads call this object, and it wakes the main thread.
class RunObserver : public LockObserver
{
public:
    explicit RunObserver(Wakeup& wakeup) : _wakeup(wakeup) {}

    /// The last known holder, during the wait for the lock.
    std::optional<LockRecord> holder() const;
    std::optional<LossReason> loss() const;

    /// The command has ended: the outcome of a renewal under way does not matter any more.
    void commandEnded() noexcept { _commandEnded = true; }

    void acquired(const std::string& name, Fence fence, Elapsed took) override;
    void held(const std::string& name, const LockRecord& holder) override;
    void waited(const std::string& name, const LockRecord& holder, Elapsed soFar) override;
    void storeUnavailable(const std::string& name, const std::string& why, Elapsed soFar) override;
    void renewed(const std::string& name, Fence fence, Elapsed took) override;
    void renewalFailed(const std::string& name, Fence fence, const std::string& why, Milliseconds leftOfTheLease) override;
    void lost(const std::string& name, Fence fence, LossReason reason) override;
    void releaseFailed(const std::string& name, Fence fence, const std::string& why) override;

private:
    void storeAnswered();

    Wakeup& _wakeup;
    mutable std::mutex _mutex;
    std::optional<LockRecord> _holder;
    std::optional<LossReason> _loss;
    std::atomic<bool> _commandEnded{false};
    bool _away = false;     // of the thread that waits for the lock: one line an outage
    bool _troubled = false; // of the notifier's thread: the same
};

} // namespace Leasehold::Tool
