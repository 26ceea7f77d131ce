#include "Leasehold/waitUntil.h"

#include <thread>

namespace Leasehold
{

bool waitUntil(const std::function<bool()>& condition, Milliseconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition())
    {
        if (std::chrono::steady_clock::now() >= deadline)
            return condition(); // once more: this thread itself may have been away
        std::this_thread::sleep_for(Milliseconds{1});
    }
    return true;
}

} // namespace Leasehold
