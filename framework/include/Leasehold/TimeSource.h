#pragma once

#include "Leasehold/Export.h"

#include <chrono>
#include <cstdint>
#include <memory>

namespace Leasehold
{

/// The local clock of this process. It meets the standard's requirements for clocks, and is the tag of LocalTime.
///
/// It counts the time that the machine is suspended, never jumps, and is shared by the processes of a host: CLOCK_BOOTTIME on
/// Linux, the steady clock elsewhere. All local validity ("is my lease still good?") is judged in its time points.
struct LEASEHOLD_EXPORT LocalClock
{
    using rep = std::int64_t;                               ///< counts nanoseconds
    using period = std::nano;                               ///< its unit
    using duration = std::chrono::nanoseconds;              ///< of this clock
    using time_point = std::chrono::time_point<LocalClock>; ///< of this clock
    static constexpr bool is_steady = true;                 ///< it never jumps

    /// The same as `TimeSource::system()->now()`.
    static time_point now() noexcept;
};

/// A point in time by the local clock. max() means "never".
using LocalTime = LocalClock::time_point;

/// Where a service reads the time and how it waits: this library waits in no other way.
///
/// In production it is system(). Tests replace it by ManualClock (component TestSupport), whose time passes only when the test
/// says so. All members may be called from any thread.
class LEASEHOLD_EXPORT TimeSource
{
public:
    using duration = LocalClock::duration; ///< of the local clock
    using time_point = LocalTime;          ///< of the local clock

    /// One thread's place to wait. Only one thread may wait in a Waiter; any thread may wake it.
    class LEASEHOLD_EXPORT Waiter
    {
    public:
        virtual ~Waiter() = default;

        /// Returns when the time has reached `deadline` or wake() was called; at once if wake() was called since the last
        /// wait returned. True: woken; false: the deadline. time_point::max() waits for wake() alone.
        virtual bool waitUntil(time_point deadline) = 0;

        /// Ends the wait that is under way, or the next one. Several calls before a wait count as one.
        virtual void wake() noexcept = 0;
    };

    virtual ~TimeSource() = default;

    /// The present time.
    virtual time_point now() const noexcept = 0;

    /// A new place to wait, for the calling thread. A Waiter must not outlive its time source. Throws LockException if the
    /// operating system has no descriptor left.
    virtual std::unique_ptr<Waiter> makeWaiter() const = 0;

    /// The time source of production: LocalClock. On Linux it waits by timerfd, because condition variables cannot wait by
    /// CLOCK_BOOTTIME. One object for the process.
    static std::shared_ptr<const TimeSource> system();
};

/// `span` after `from`. A time beyond what the clock can count becomes max() or min(), so `forever` becomes "never". Use it
/// wherever a duration that a caller, a policy or a storage chose is added to a time.
constexpr LocalTime later(LocalTime from, std::chrono::milliseconds span) noexcept
{
    using std::chrono::milliseconds;
    constexpr auto limit = std::chrono::floor<milliseconds>(LocalClock::duration::max());
    if (span >= limit || (span > milliseconds::zero() && from > LocalTime::max() - LocalClock::duration(span)))
        return LocalTime::max();
    if (span <= -limit || (span < milliseconds::zero() && from < LocalTime::min() - LocalClock::duration(span)))
        return LocalTime::min();
    return from + span;
}

} // namespace Leasehold
