#include "Alternation.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"
#include "Leasehold/MemoryLockStore.h"

#include <ctime>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace Leasehold::Bench
{
namespace
{

/// The least that a lock by name can be: an entry in a map under a mutex. It has no owner, no lease and no fence.
class MutexedMap
{
public:
    bool acquire(const std::string& name)
    {
        const std::lock_guard guard(_mutex);
        return _held.try_emplace(name, 1).second;
    }
    void release(const std::string& name)
    {
        const std::lock_guard guard(_mutex);
        _held.erase(name);
    }

private:
    std::mutex _mutex;
    std::unordered_map<std::string, int> _held;
};

/// The processor time of one `work()` on this thread, which is all the time that it takes where nothing waits. Unlike the time on
/// the wall it does not count what other programs took meanwhile.
template <typename Work>
double nanosecondsOf(Work work)
{
    constexpr int times = 5000;
    const auto now = []
    {
        timespec time{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
    };
    const double began = now();
    for (int i = 0; i < times; ++i)
        work();
    return (now() - began) / times;
}

} // namespace

Result measureMemoryPair(Setting& setting)
{
    std::vector<std::string> names;
    for (int number = 0; number < 1000; ++number)
        names.push_back("job/" + std::to_string(number));

    LockManagerService locks(std::make_shared<MemoryLockStore>());
    MutexedMap map;
    std::size_t at = 0;
    const auto nextName = [&]() -> const std::string& { return names[at++ % names.size()]; };
    const auto ours = [&] { return nanosecondsOf([&] { locks.acquire(nextName()).release(); }); };
    const auto limit = [&]
    {
        return nanosecondsOf(
            [&]
            {
                const auto& name = nextName();
                if (!map.acquire(name))
                    throw std::logic_error("the map holds a name that was given back");
                map.release(name);
            });
    };
    ours();

    const auto often = setting.pick<std::size_t>(1, 20);
    Result result;
    result.lines.push_back(alternate(setting,
                                     {.what = "acquire + release, 1 thread, 1,000 names in turn",
                                      .unit = "ns",
                                      .limitName = "a hash map under a mutex",
                                      .target = Target{Target::Bound::atMost, 1000, Target::Of::ours}},
                                     ours, limit, often));
    const auto token = [&] { return nanosecondsOf([] { return drawToken(); }); };
    result.lines.push_back(
        alternate(setting, {.what = "of this: an owner token from the operating system", .unit = "ns", .limitName = "the whole pair"},
                  token, ours, often));
    return result;
}

} // namespace Leasehold::Bench
