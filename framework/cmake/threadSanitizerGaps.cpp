// Only in builds with ThreadSanitizer. GCC 12's does not know pthread_mutex_clocklock, with which std::timed_mutex waits: it
// sees the unlock of a mutex that was never locked, and takes what that mutex guards for a race. It does know
// pthread_mutex_timedlock, which waits by the wall clock; a step of that clock during a test lengthens one wait.

#include <cerrno>
#include <ctime>
#include <pthread.h>

namespace
{
constexpr long nanosecondsPerSecond = 1'000'000'000;
}

extern "C" int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock, const timespec* until) noexcept
{
    timespec now{};
    timespec wall{};
    if (clock_gettime(clock, &now) != 0 || clock_gettime(CLOCK_REALTIME, &wall) != 0)
        return errno;
    wall.tv_sec += until->tv_sec - now.tv_sec;
    wall.tv_nsec += until->tv_nsec - now.tv_nsec;
    if (wall.tv_nsec < 0)
    {
        --wall.tv_sec;
        wall.tv_nsec += nanosecondsPerSecond;
    }
    else if (wall.tv_nsec >= nanosecondsPerSecond)
    {
        ++wall.tv_sec;
        wall.tv_nsec -= nanosecondsPerSecond;
    }
    return pthread_mutex_timedlock(mutex, &wall);
}
