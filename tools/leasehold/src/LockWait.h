#pragma once

#include "RunObserver.h"
#include "SignalInbox.h"
#include "StatusStream.h"
#include "Wakeup.h"

#include "Leasehold/LockManagerService.h"

#include <optional>

namespace Leasehold::Tool
{

/// Takes the lock, and meanwhile listens to signals: one that would end the program ends the wait at once, also while the store
/// does not answer. Says on standard error, once, who holds the lock, and counts down on a terminal.
class LockWait
{
public:
    LockWait(SignalInbox& inbox, Wakeup& wakeup, RunObserver& observer, StatusStream& status) :
        _inbox(inbox), _wakeup(wakeup), _observer(observer), _status(status)
    {
    }

    /// What tryAcquire returns or throws; LockWaitCancelled if a signal ended it.
    LockAttempt acquire(LockManagerService& service, const std::string& name, LockOptions options);

    /// Which signal ended it.
    std::optional<SignalInbox::Signal> endedBy() const noexcept { return _endedBy; }

private:
    void announce(const std::string& name, const LockOptions& options);
    void countDown();
    void takeSignals();

    SignalInbox& _inbox;
    Wakeup& _wakeup;
    RunObserver& _observer;
    StatusStream& _status;
    std::stop_source _cancel;
    std::optional<SignalInbox::Signal> _endedBy;
    LocalTime _giveUp = LocalTime::max();
    LocalTime _abandonAt = LocalTime::max();
    bool _announced = false;
    bool _countsDown = false;
};

} // namespace Leasehold::Tool
