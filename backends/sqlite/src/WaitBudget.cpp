#include "WaitBudget.h"

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
    // The numbers only have to differ between waiters, so a cheap generator suffices.
    thread_local std::minstd_rand generator(static_cast<unsigned>(std::hash<std::thread::id>{}(std::this_thread::get_id()) ^
                                                                  static_cast<std::size_t>(LocalClock::now().time_since_epoch().count())));
    return std::chrono::microseconds(std::uniform_int_distribution<int>(100, 1000)(generator));
}

} // namespace

bool WaitBudget::pause() const
{
    if (isSpent())
        return false;
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, _context.cancel(), shortRandomTime(), [] { return false; });
    return !isSpent();
}

const char* WaitBudget::whySpent() const
{
    return isCancelled() ? "the call was cancelled" : "the deadline of the call has passed";
}

} // namespace Leasehold
