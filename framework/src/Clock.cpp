#include "Leasehold/Clock.h"

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

/// Waits for a timerfd: the only wait in Linux that goes by CLOCK_BOOTTIME. wake() sets the timer into the past, so one
/// descriptor serves both.
class BoottimeWaiter : public Clock::Waiter
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
            ::poll(&ready, 1, -1); // an interruption by a signal is seen by the check below
            const std::lock_guard guard(_mutex);
            if (_woken)
            {
                _woken = false;
                return true;
            }
            if (deadline != LocalTime::max() && Clock::system()->now() >= deadline)
                return false;
        }
    }

    void wake() noexcept override
    {
        const std::lock_guard guard(_mutex);
        _woken = true;
        arm(LocalTime{Clock::duration{1}});
    }

private:
    void arm(LocalTime deadline) noexcept
    {
        itimerspec when{};
        if (deadline != LocalTime::max())
            when.it_value = toTimespec(std::max(deadline, LocalTime{Clock::duration{1}})); // zero would disarm it
        ::timerfd_settime(_timer, TFD_TIMER_ABSTIME, &when, nullptr);
    }

    const int _timer;
    std::mutex _mutex;
    bool _woken = false;
};

class SystemClock : public Clock
{
public:
    time_point now() const noexcept override
    {
        timespec time{};
        ::clock_gettime(CLOCK_BOOTTIME, &time);
        return time_point{duration{static_cast<rep>(time.tv_sec) * 1'000'000'000 + time.tv_nsec}};
    }

    std::unique_ptr<Waiter> makeWaiter() const override { return std::make_unique<BoottimeWaiter>(); }
};

#else

class SteadyWaiter : public Clock::Waiter
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

class SystemClock : public Clock
{
public:
    time_point now() const noexcept override
    {
        return time_point{std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch())};
    }

    std::unique_ptr<Waiter> makeWaiter() const override { return std::make_unique<SteadyWaiter>(); }
};

#endif

} // namespace

std::shared_ptr<const Clock> Clock::system()
{
    static const std::shared_ptr<const Clock> clock = std::make_shared<SystemClock>();
    return clock;
}

} // namespace Leasehold
