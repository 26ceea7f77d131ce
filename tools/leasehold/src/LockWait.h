#pragma once

#include "RunObserver.h"
#include "SignalInbox.h"
#include "StatusStream.h"
#include "Wakeup.h"

#include "Leasehold/LockManagerService.h"

#include <optional>
#include <vector>

namespace Leasehold::Tool
{

/// A run of leasehold that started this one holds the lock: this run would wait for itself.
struct HeldByCaller
{
    LockRecord record{};
};

/// Acquires the lock. A signal that would end the program ends the wait at once, also while the store does not answer. Unless it is
/// quiet, it says once on standard error who holds the lock, and counts down on a terminal.
class LockWait
{
public:
    LockWait(SignalInbox& inbox, Wakeup& wakeup, RunObserver& observer, StatusStream& status, bool quiet) :
        _inbox(inbox), _wakeup(wakeup), _observer(observer), _status(status), _quiet(quiet)
    {
    }

    /// What tryAcquire returns or throws; LockWaitCancelled if a signal ended it; HeldByCaller, at once, if the holder's fence is one of
    /// `callersFences`.
    LockAttempt acquire(LockManagerService& service, const std::string& name, LockOptions options, const std::vector<Fence>& callersFences);

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
    const bool _quiet;
    std::stop_source _cancel;
    std::optional<SignalInbox::Signal> _endedBy;
    LocalTime _giveUp = LocalTime::max();
    LocalTime _abandonAt = LocalTime::max();
    bool _announced = false;
    bool _countsDown = false;
};

} // namespace Leasehold::Tool
