#pragma once

#include "LeaseHandoff.h"
#include "Leasehold/LockOptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/TimeSource.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>

namespace Leasehold
{

class Lease;
class LeaseReleaser;
class LeaseService;
class LeaseSupervision;
class ObserverList;
class ReleaseWatch;
class StoreCalls;
class WaitLines;

/// The parts of a service that an acquire uses.
struct ServiceCore
{
    const LockPolicy& policy;
    const std::shared_ptr<const TimeSource>& clock;
    const ObserverList& observers;
    StoreCalls& calls;
    WaitLines& lines;
    LeaseSupervision& leases;
    LeaseReleaser& releaser;
    ReleaseWatch& watch;
    LeaseService& service;
};

/// One call of tryAcquire: asks the store for the lock, and makes a lease of a grant. Used by one thread.
class LockAcquisition
{
public:
    /// Our lease, or the record of the holder.
    using Answer = std::variant<std::shared_ptr<Lease>, LockRecord>;

    /// `core`, `options` and `cancel` must outlive it. The caller or the service may stop `cancel`.
    LockAcquisition(const ServiceCore& core, const std::string& name, const LockOptions& options, std::shared_ptr<const LeasePolicy> lease,
                    const std::stop_token& cancel, LocalTime started);

    const AcquireRequest& request() const { return _request; }
    const std::string& name() const { return _request.name; }
    const std::stop_token& cancel() const { return _cancel; }
    LocalTime started() const { return _started; }
    LocalTime giveUp() const { return _giveUp; }
    bool mayWait() const { return _giveUp > _started; }

    /// When the store answered last.
    LocalTime answered() const { return _answered; }

    /// Throws LockWaitCancelled if the caller has cancelled the wait.
    void throwIfCancelled() const;

    /// Sets how long the next request says that the caller waits; see AcquireRequest::wantedFor.
    void waitFor(Milliseconds wantedFor) { _request.wantedFor = wantedFor; }

    /// A grant continues this turn of WaitLines; nullopt: it begins a new turn.
    void continueTurn(std::optional<LocalTime> began) { _turnBegan = began; }

    /// Sets how many fences the next request reserves for the threads behind. A changed number needs a new token: otherwise the storage
    /// would take the next request for the last one, sent again.
    void reserveFences(Fence wanted);

    /// Asks the store once at `now`, and retries only if no answer came.
    Answer ask(LocalTime now);

    /// The lease that was handed to this acquisition; nullptr: it cannot be used any more, and was released.
    std::shared_ptr<Lease> takeOver(const LeaseHandoff& handoff, LocalTime now);

    /// Releases, best effort, a lock that a request without an answer may have been granted.
    void releaseOrphan();

private:
    AcquireReply send(LocalTime& requested, const CallContext& context);
    std::shared_ptr<Lease> keep(const LockRecord& granted, LocalTime requested);
    void begin(Lease& lease, LocalTime requested, Milliseconds remaining) const;
    LocalTime stayUntil() const;

    const ServiceCore& _core;
    const LockOptions& _options;
    std::shared_ptr<const LeasePolicy> _lease;
    AcquireRequest _request;
    const std::stop_token& _cancel;
    const LocalTime _started, _giveUp;
    LocalTime _answered;
    std::optional<LocalTime> _turnBegan{};
    bool _mayBeTaken = false; // a request with this token got no answer, and may have been granted
};

} // namespace Leasehold
