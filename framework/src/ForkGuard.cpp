#include "Leasehold/Store/ForkGuard.h"

#include <atomic>
#include <pthread.h>
#include <utility>

namespace Leasehold
{
namespace
{

std::atomic<unsigned> generation{0};

extern "C" void leaseholdForkedChild()
{
    generation.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

ForkGuard::ForkGuard()
{
    static const int registered = ::pthread_atfork(nullptr, nullptr, &leaseholdForkedChild);
    if (registered != 0)
        throw LockException("cannot register a fork handler (pthread_atfork): out of memory");
    _generation = generation.load(std::memory_order_relaxed);
}

bool ForkGuard::isForeign() const noexcept
{
    return _generation != generation.load(std::memory_order_relaxed);
}

std::string ForkGuard::refusal(std::string_view what)
{
    return std::string(what) +
           " belongs to the parent of this forked process and cannot be used here; after fork, open the store again and "
           "make a new LockManagerService on it";
}

void ForkGuard::keepForever(std::shared_ptr<void> foreign)
{
    struct Kept
    {
        std::shared_ptr<void> object;
        Kept* before;
    };
    static std::atomic<Kept*> last{nullptr}; // a list without a mutex: a mutex could have been locked at the time of the fork
    auto* const kept = new Kept{std::move(foreign), last.load()};
    while (!last.compare_exchange_weak(kept->before, kept))
    {
    }
}

} // namespace Leasehold
