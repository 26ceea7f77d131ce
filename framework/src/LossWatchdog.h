#pragma once

#include "LeaseTable.h"
#include "LossNotifier.h"

#include <atomic>
#include <memory>
#include <thread>

namespace Leasehold
{

/// The thread that marks a lease lost when it ends, also while the keeper's call to the store hangs. It calls neither the store nor user
/// code, so only the scheduler can make it late.
class LossWatchdog
{
public:
    LossWatchdog(std::shared_ptr<const TimeSource> clock, LeaseTable& table, LossNotifier& notifier);
    ~LossWatchdog() { stop(); }
    LossWatchdog(const LossWatchdog&) = delete;
    LossWatchdog& operator=(const LossWatchdog&) = delete;

    /// Throws std::system_error if the system has no thread left. Does nothing if the thread runs.
    void start();

    /// Makes the thread plan its sleep again. May be called from any thread.
    void wake() noexcept { _waiter->wake(); }

    /// Ends the thread.
    void stop();

private:
    void run();

    const std::shared_ptr<const TimeSource> _clock;
    LeaseTable& _table;
    LossNotifier& _notifier;
    const std::unique_ptr<TimeSource::Waiter> _waiter;
    std::atomic<bool> _stopping{false};
    std::thread _thread;
};

} // namespace Leasehold
