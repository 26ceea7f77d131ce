#pragma once

#include "Leasehold/Store/CallContext.h"

namespace Leasehold
{

/// How long one call may still wait for another process that has locked the file. A cancelled call stops waiting at once.
class WaitBudget
{
public:
    /// `context` must outlive it.
    explicit WaitBudget(const CallContext& context) : _context(context) {}

    bool isCancelled() const { return _context.cancel().stop_requested(); }
    bool isSpent() const { return isCancelled() || _context.timeLeft() <= Milliseconds::zero(); }

    /// Waits for a random time of 0.1 to 1 ms, so that waiters neither retry in step nor starve. Returns false without a wait when the
    /// budget is spent.
    bool pause() const;

    /// "the call was cancelled" or "the deadline of the call has passed".
    const char* whySpent() const;

    const CallContext& context() const { return _context; }

private:
    const CallContext& _context;
};

} // namespace Leasehold
