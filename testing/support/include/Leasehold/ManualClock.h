#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/Durations.h"

#include <memory>

namespace Leasehold
{

/// A clock for tests: time passes only in advance. Thread-safe. Must be owned by a std::shared_ptr if a service uses it.
class ManualClock : public Clock
{
public:
    ManualClock();
    ~ManualClock() override;

    time_point now() const noexcept override;
    std::unique_ptr<Waiter> makeWaiter() const override;

    /// Lets `span` pass. Stops at each deadline on the way, in their order, and lets the threads whose deadline it is run;
    /// returns when every thread whose deadline passed, or that was woken by one of those, has run and waits again (or has
    /// destroyed its Waiter). A thread that waits in one Waiter while it keeps another (it called a store that hangs) waits.
    /// Throws std::runtime_error if that takes longer than 30 s of real time: a test that hangs.
    void advance(duration span);

    /// Returns when every thread that has a Waiter waits, without letting time pass. The same limit as advance.
    void settle();

    /// How many threads wait at this moment.
    std::size_t waiting() const;

private:
    struct State;
    class ManualWaiter;
    std::shared_ptr<State> _state;
};

} // namespace Leasehold
