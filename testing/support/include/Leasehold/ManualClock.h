#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/TimeSource.h"

#include <memory>

namespace Leasehold
{

/// A clock for tests: time passes only in advance. Thread-safe. Must be owned by a std::shared_ptr if a service uses it.
///
/// Tests of a class that takes a lock, samples/unit_test_with_memory/InvoiceRunTest.cpp:
/// @include unit_test_with_memory/InvoiceRunTest.cpp
class LEASEHOLD_EXPORT ManualClock : public TimeSource
{
public:
    /// Starts at an arbitrary time.
    ManualClock();
    ~ManualClock() override;

    time_point now() const noexcept override;
    std::unique_ptr<Waiter> makeWaiter() const override;

    /// Lets `span` pass. Stops at each deadline on the way, in order, and lets the threads that waited for it run. Returns when every
    /// thread whose deadline passed, or that such a thread woke, has run and waits again or has destroyed its Waiter. A thread that keeps
    /// one Waiter while it waits in another (it called a store that hangs) counts as waiting. Throws std::runtime_error if that takes
    /// longer than 30 s of real time: the test hangs.
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
