#pragma once

#include "Leasehold/CallContext.h"

namespace Leasehold
{

/// How long one call may still wait. The only waits of this store are here: for another process that writes, and for a
/// connection. They end at once when the call is cancelled.
class Patience
{
public:
    /// `context` must outlive it.
    explicit Patience(const CallContext& context) : _context(context) {}

    bool isCancelled() const { return _context.cancel().stop_requested(); }
    bool isExhausted() const { return isCancelled() || _context.timeLeft() <= Milliseconds::zero(); }

    /// Waits 0.1 to 1 ms, drawn anew each time, so that waiters neither march in step nor starve. False, without a wait, when
    /// the patience is exhausted.
    bool pause() const;

    /// "the call was cancelled" or "the deadline of the call has passed".
    const char* whyExhausted() const;

    const CallContext& context() const { return _context; }

private:
    const CallContext& _context;
};

} // namespace Leasehold
