#pragma once

#include "LeaseTable.h"
#include "LossNotifier.h"

#include <atomic>
#include <memory>
#include <thread>

namespace Leasehold
{

/// The thread that marks a lease lost when it ends, whatever the keeper's call to the store is doing at that time. It calls
/// neither the store nor user code, so nothing can make it late but the scheduler.
class LossWatchdog
{
public:
    LossWatchdog(std::shared_ptr<const Clock> clock, LeaseTable& table, LossNotifier& notifier);
    ~LossWatchdog() { stop(); }
    LossWatchdog(const LossWatchdog&) = delete;
    LossWatchdog& operator=(const LossWatchdog&) = delete;

    /// Throws std::system_error if there is no thread left. Nothing if it runs.
    void start();

    /// Makes it plan its sleep again. Any thread.
    void wake() noexcept { _waiter->wake(); }

    /// Ends the thread.
    void stop();

private:
    void run();

    const std::shared_ptr<const Clock> _clock;
    LeaseTable& _table;
    LossNotifier& _notifier;
    const std::unique_ptr<Clock::Waiter> _waiter;
    std::atomic<bool> _stopping{false};
    std::thread _thread;
};

} // namespace Leasehold
