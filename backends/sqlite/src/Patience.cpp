#include "Patience.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

namespace Leasehold
{
namespace
{

std::chrono::microseconds shortRandomTime()
{
    // It only has to differ between waiters, so a cheap generator does.
    thread_local std::minstd_rand generator(
        static_cast<unsigned>(std::hash<std::thread::id>{}(std::this_thread::get_id()) ^
                              static_cast<std::size_t>(Clock::system()->now().time_since_epoch().count())));
    return std::chrono::microseconds(std::uniform_int_distribution<int>(100, 1000)(generator));
}

} // namespace

bool Patience::pause() const
{
    if (isExhausted())
        return false;
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, _context.cancel(), shortRandomTime(), [] { return false; });
    return !isExhausted();
}

const char* Patience::whyExhausted() const
{
    return isCancelled() ? "the call was cancelled" : "the deadline of the call has passed";
}

} // namespace Leasehold
