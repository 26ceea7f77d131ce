#pragma once

#include <chrono>
#include <memory>

namespace Leasehold
{

/// The local clock of a process, and the only way in which this library waits.
///
/// All local validity ("is my lease still good?") is judged by it. The clock of production counts the time that the
/// machine is suspended, never jumps and is shared by the processes of a host; tests use ManualClock (component
/// TestSupport), where time passes only when the test says so. Thread-safe.
class Clock
{
public:
    using rep = std::int64_t;
    using period = std::nano;
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<Clock, duration>;
    static constexpr bool is_steady = true;

    /// One thread's place to wait. Only one thread waits in a Waiter; any thread may wake it.
    class Waiter
    {
    public:
        virtual ~Waiter() = default;

        /// Returns when the clock has reached `deadline` or wake() was called, at once if it was called since the last
        /// wait returned. True: woken; false: the deadline. time_point::max() waits for wake() alone.
        virtual bool waitUntil(time_point deadline) = 0;

        /// Ends the wait that is under way, or the next one. Several calls before a wait count as one.
        virtual void wake() noexcept = 0;
    };

    virtual ~Clock() = default;
    virtual time_point now() const noexcept = 0;

    /// A Waiter may outlive neither its clock nor the thread's use of it. Throws LockException if the operating system
    /// has no descriptor left.
    virtual std::unique_ptr<Waiter> makeWaiter() const = 0;

    /// The clock of production: CLOCK_BOOTTIME on Linux (it counts suspend), waited for by timerfd because condition
    /// variables cannot; elsewhere the steady clock. One object for the process.
    static std::shared_ptr<const Clock> system();
};

/// A point in time by the local clock.
using LocalTime = Clock::time_point;

} // namespace Leasehold
