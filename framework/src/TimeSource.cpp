#include "Leasehold/TimeSource.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#ifdef __linux__
#include <cerrno>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#else
#include <condition_variable>
#endif

namespace Leasehold
{
namespace
{

#ifdef __linux__

timespec toTimespec(LocalTime time)
{
    const auto sinceStart = time.time_since_epoch().count();
    return {static_cast<time_t>(sinceStart / 1'000'000'000), static_cast<long>(sinceStart % 1'000'000'000)};
}

/// Waits for a timerfd, the only wait of Linux on CLOCK_BOOTTIME. wake() sets the timer to a past time, so one descriptor serves both.
class BoottimeWaiter : public TimeSource::Waiter
{
public:
    BoottimeWaiter() : _timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK))
    {
        if (_timer < 0)
            throw LockException(std::string("cannot create a timer to wait with (timerfd_create: ") + std::strerror(errno) +
                                "); raise the limit of open files");
    }

    ~BoottimeWaiter() override { ::close(_timer); }

    bool waitUntil(LocalTime deadline) override
    {
        {
            const std::lock_guard guard(_mutex);
            if (_woken)
            {
                _woken = false;
                return true;
            }
            arm(deadline);
        }
        for (;;)
        {
            pollfd ready{_timer, POLLIN, 0};
            ::poll(&ready, 1, -1); // after an interruption by a signal the check below fails, and the loop continues
            const std::lock_guard guard(_mutex);
            if (_woken)
            {
                _woken = false;
                return true;
            }
            if (deadline != LocalTime::max() && LocalClock::now() >= deadline)
                return false;
        }
    }

    void wake() noexcept override
    {
        const std::lock_guard guard(_mutex);
        _woken = true;
        arm(LocalTime{LocalClock::duration{1}});
    }

private:
    void arm(LocalTime deadline) noexcept
    {
        itimerspec when{};
        if (deadline != LocalTime::max())
            when.it_value = toTimespec(std::max(deadline, LocalTime{LocalClock::duration{1}})); // zero would disarm it
        ::timerfd_settime(_timer, TFD_TIMER_ABSTIME, &when, nullptr);
    }

    const int _timer;
    std::mutex _mutex;
    bool _woken = false;
};

using SystemWaiter = BoottimeWaiter;

#else

class SteadyWaiter : public TimeSource::Waiter
{
public:
    bool waitUntil(LocalTime deadline) override
    {
        std::unique_lock guard(_mutex);
        const auto isWoken = [this] { return _woken; };
        if (deadline == LocalTime::max())
            _changed.wait(guard, isWoken);
        else
            _changed.wait_until(guard, std::chrono::steady_clock::time_point(deadline.time_since_epoch()), isWoken);
        return std::exchange(_woken, false);
    }

    void wake() noexcept override
    {
        const std::lock_guard guard(_mutex);
        _woken = true;
        _changed.notify_one();
    }

private:
    std::mutex _mutex;
    std::condition_variable _changed;
    bool _woken = false;
};

using SystemWaiter = SteadyWaiter;

#endif

class SystemTime : public TimeSource
{
public:
    time_point now() const noexcept override { return LocalClock::now(); }
    std::unique_ptr<Waiter> makeWaiter() const override { return std::make_unique<SystemWaiter>(); }
};

} // namespace

static_assert(std::chrono::is_clock_v<LocalClock>);

LocalTime LocalClock::now() noexcept
{
#ifdef __linux__
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return time_point{duration{static_cast<rep>(time.tv_sec) * 1'000'000'000 + time.tv_nsec}};
#else
    return time_point{std::chrono::steady_clock::now().time_since_epoch()};
#endif
}

std::shared_ptr<const TimeSource> TimeSource::system()
{
    static const std::shared_ptr<const TimeSource> source = std::make_shared<SystemTime>();
    return source;
}

} // namespace Leasehold
