#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/TimeSource.h"

#include <stop_token>
#include <utility>

namespace Leasehold
{

/// The deadline and the cancellation of one call of a LockStore.
///
/// The deadline is total: it includes the waits for a connection, for a lock inside the store and for the answer.
/// Immutable, cheap to copy; the clock must outlive it. timeLeft and cancel may be called from any thread.
class LEASEHOLD_EXPORT CallContext
{
public:
    /// A call that ends at `deadline` by `clock`, or soon after a stop is requested of `cancel`.
    CallContext(const TimeSource& clock, LocalTime deadline, std::stop_token cancel = {}) :
        _clock(&clock), _deadline(deadline), _cancel(std::move(cancel))
    {
    }

    /// A context that ends `limit` from now by the system's clock: for tests, tools and programs that call a store directly.
    static CallContext within(Milliseconds limit, std::stop_token cancel = {});

    /// The time to the deadline, rounded down; 0 when it has passed, never negative.
    Milliseconds timeLeft() const;

    /// The same for a store that has just read a clock: if `clock` is that of this call, it is not read again.
    Milliseconds timeLeft(const TimeSource& clock, LocalTime now) const;

    /// The context for a part of the call: it ends `limit` from now, and never later than this one.
    CallContext shortened(Milliseconds limit) const;

    /// When a stop is requested, the store should soon throw LockStoreUnavailable.
    std::stop_token cancel() const { return _cancel; }

private:
    const TimeSource* _clock;
    LocalTime _deadline;
    std::stop_token _cancel;
};

} // namespace Leasehold
