#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/Durations.h"

#include <stop_token>
#include <utility>

namespace Leasehold
{

/// How long one call of a LockStore may take, and whether it is still wanted.
///
/// The deadline is a total one: waiting for a connection, for a lock inside the store and for the answer all count.
/// Immutable, cheap to copy; the clock must outlive it. timeLeft and cancel may be called from any thread.
class CallContext
{
public:
    CallContext(const Clock& clock, LocalTime deadline, std::stop_token cancel = {}) :
        _clock(&clock), _deadline(deadline), _cancel(std::move(cancel))
    {
    }

    /// A context that ends `limit` from now by the system's clock: for tests, tools and programs that call a store directly.
    static CallContext within(Milliseconds limit, std::stop_token cancel = {});

    /// Rounded down; 0 when the deadline has passed, never negative.
    Milliseconds timeLeft() const;

    /// The same, for a store that has just read a clock: if `clock` is that of this call, it is not read again.
    Milliseconds timeLeft(const Clock& clock, LocalTime now) const;

    /// When a stop is requested the store should give up soon, with LockStoreUnavailable.
    std::stop_token cancel() const { return _cancel; }

private:
    const Clock* _clock;
    LocalTime _deadline;
    std::stop_token _cancel;
};

} // namespace Leasehold
