#include "MemoryBench.h"

#include <mutex>
#include <unordered_map>

namespace Leasehold
{
std::unique_ptr<StorageAdapter> memoryStorage(const std::string& kind);
}

namespace Leasehold::Bench
{
namespace
{

/// The simplest lock by name: an entry in a map under a mutex. It has no owner, no lease and no fence.
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

class MapClient : public BareClient
{
public:
    MapClient(MutexedMap& map, std::string name) : _map(map), _name(std::move(name)) {}

    bool pair() override
    {
        if (!_map.acquire(_name))
            return false;
        _map.release(_name);
        return true;
    }

private:
    MutexedMap& _map;
    const std::string _name;
};

class MemoryBench : public StorageBench
{
public:
    Targets targets() const override
    {
        // A pair in less than a microsecond.
        return {.pair = Target{Target::Bound::atLeast, 1'000'000, Target::Of::ours}, .threads = {{.count = 16}}};
    }

    std::string bareName() const override { return "a hash map under a mutex"; }

    std::unique_ptr<BareClient> bareClient(const std::string&, const std::string& name) override
    {
        return std::make_unique<MapClient>(_map, name);
    }

    std::vector<Scenario> scenarios() override
    {
        return {{.name = "million", .title = "a million locks kept by one process", .run = measureMillionLocks}};
    }

protected:
    std::unique_ptr<StorageAdapter> start() override { return memoryStorage("memory"); }

private:
    MutexedMap _map;
};

} // namespace

std::unique_ptr<StorageBench> memoryBench(const std::string&)
{
    return std::make_unique<MemoryBench>();
}

} // namespace Leasehold::Bench
