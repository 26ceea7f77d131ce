#pragma once

#include "Lease.h"
#include "LeaseTable.h"
#include "ObserverList.h"

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace Leasehold
{

/// The thread that runs user code, so that the keeper and the watchdog never wait for it. It stops loss tokens, which runs their stop
/// callbacks, and then tells the observers. Losses come before all other news.
///
/// Stop callbacks and observers must not block. If one blocks, relieve() gives the queue to a new thread, which tells the others in
/// time. The blocked thread ends when its callback returns.
class LossNotifier
{
public:
    using Leases = LeaseTable::Leases;

    /// A callback that runs longer counts as an overrun, and a new thread replaces its thread if others wait behind it.
    static constexpr Milliseconds callbackLimit{20};
    /// The same while another callback blocks.
    static constexpr Milliseconds callbackLimitWhileBlocked{3};

    LossNotifier(std::shared_ptr<const TimeSource> clock, std::shared_ptr<const ObserverList> observers);
    ~LossNotifier();
    LossNotifier(const LossNotifier&) = delete;
    LossNotifier& operator=(const LossNotifier&) = delete;

    /// Throws std::system_error if the system has no thread left. Does nothing if the thread runs.
    void start();

    void lost(Leases leases);
    void renewed(Leases leases, LockObserver::Elapsed took);
    void renewalFailed(Leases leases, std::string why);

    /// Queues other news for the observers, after the losses.
    using Tell = std::function<void(const ObserverList&)>;
    void tell(Tell call);

    /// When relieve() must be called next, as far as is known now; max(): never.
    LocalTime relieveAt() const;

    /// Replaces the thread if a callback has blocked it for longer than `callbackLimit` while losses wait.
    void relieve(LocalTime now) noexcept;

    /// Serves the queue and ends the thread. Another thread must call relieve() meanwhile, so that no callback blocks the others. Waits at
    /// most `limit` for callbacks that block. Their threads go on after that, and share ownership of what they use.
    void stop(Milliseconds limit);

private:
    struct State;

    std::thread putOnDuty();
    void replaceThread() noexcept;

    const std::shared_ptr<State> _state;
    std::thread _thread; // the thread on duty; guarded by the mutex of the state
};

} // namespace Leasehold
