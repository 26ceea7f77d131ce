#include "Alternation.h"
#include "scenarios.h"

#include "Leasehold/LockManagerService.h"
#include "Leasehold/MemoryLockStore.h"

#include <mutex>
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

template <typename Pair>
double nanosecondsOf(Seconds slice, const std::vector<std::string>& names, Pair pair)
{
    std::size_t at = 0;
    return 1e9 / rateOf(slice, 100, [&] { pair(names[at++ % names.size()]); });
}

} // namespace

Result measureMemoryPair(Setting& setting)
{
    // What the system needs no time for is measured in slices so short that most of them are not interrupted by other programs.
    const Seconds slice(0.01);
    const auto often = setting.pick<std::size_t>(1, 20);
    std::vector<std::string> names;
    for (int number = 0; number < 1000; ++number)
        names.push_back("job/" + std::to_string(number));

    LockManagerService locks(std::make_shared<MemoryLockStore>());
    MutexedMap map;
    const auto ours = [&] { return nanosecondsOf(slice, names, [&](const auto& name) { locks.acquire(name).release(); }); };
    const auto limit = [&]
    {
        return nanosecondsOf(slice, names,
                             [&](const auto& name)
                             {
                                 if (!map.acquire(name))
                                     throw std::logic_error("the map holds a name that was given back");
                                 map.release(name);
                             });
    };
    ours();

    Result result;
    result.lines.push_back(alternate(setting,
                                     {.what = "acquire + release, 1 thread, 1,000 names in turn",
                                      .unit = "ns",
                                      .limitName = "a hash map under a mutex",
                                      .target = Target{Target::Bound::atMost, 1000, Target::Of::ours}},
                                     ours, limit, often));
    const auto token = [&]
    {
        std::size_t drawn = 0;
        return 1e9 / rateOf(slice, 100, [&] { drawn += drawToken().size(); });
    };
    result.lines.push_back(
        alternate(setting, {.what = "of this: an owner token from the operating system", .unit = "ns", .limitName = "the whole pair"},
                  token, ours, often));
    return result;
}

} // namespace Leasehold::Bench
