#pragma once

#include "Lease.h"
#include "LeaseTable.h"
#include "ObserverList.h"

#include <memory>
#include <string>
#include <thread>

namespace Leasehold
{

/// The thread that runs what others wrote: it fires loss tokens (and so stop callbacks), then tells the observers. Losses come
/// before everything else, tokens before observers. So neither the keeper nor the watchdog ever waits for user code.
///
/// Stop callbacks and observers must not block. If one does all the same, relieve() gives its queue to a fresh thread, and the
/// others are told in time; the blocked thread ends when its callback returns.
class LossNotifier
{
public:
    using Leases = LeaseTable::Leases;

    /// A callback that runs longer is counted as an overrun, and is relieved if others wait behind it.
    static constexpr Milliseconds patience{20};
    /// The same, while another callback blocks already.
    static constexpr Milliseconds impatience{3};

    LossNotifier(std::shared_ptr<const Clock> clock, std::shared_ptr<const ObserverList> observers);
    ~LossNotifier();
    LossNotifier(const LossNotifier&) = delete;
    LossNotifier& operator=(const LossNotifier&) = delete;

    /// Throws std::system_error if there is no thread left. Nothing if it runs.
    void start();

    void lost(Leases leases);
    void renewed(Leases leases, LockObserver::Elapsed took);
    void renewalFailed(Leases leases, std::string why);

    /// When relieve() will have something to do; max(): never, as things stand.
    LocalTime relieveAt() const;

    /// Replaces the thread if a callback has blocked it for longer than the patience while others wait to be told.
    void relieve(LocalTime now) noexcept;

    /// Runs what is queued and ends the thread. Waits at most `limit` for a callback that blocks: its thread is then left to
    /// itself, with a share in all it touches.
    void stop(Milliseconds limit);

private:
    struct State;

    std::thread putOnDuty();

    const std::shared_ptr<State> _state;
    std::thread _thread; // the one on duty; under the mutex of the state
};

} // namespace Leasehold
