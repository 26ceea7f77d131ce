#include "BareRedis.h"
#include "RedisStorage.h"

#include <stdexcept>

namespace Leasehold::Bench
{
namespace
{

/// A server that writes its changes to the disk every second, which is usual.
class RedisBench : public StorageBench
{
public:
    explicit RedisBench(RedisKind kind) : _kind(kind) {}

    Targets targets() const override
    {
        const auto times = [](double factor) { return Target{Target::Bound::atLeast, factor}; };
        return {.pair = times(0.95), .threads = {{16, times(1.5)}, {64, times(3)}}, .keeping = 3, .handOver = 2};
    }

    std::string bareName() const override { return "the same scripts on bare hiredis connections"; }

    std::unique_ptr<BareClient> bareClient(const std::string& url, const std::string& name) override
    {
        const std::string word = "prefix=";
        const auto begin = url.find(word) + word.size();
        return std::make_unique<BareRedis>(_redis->port(), url.substr(begin, url.find('&', begin) - begin), name);
    }

    std::optional<pid_t> serverProcess() override { return _redis->pid(); }

    /// The scripts that were run: INFO's total counts the commands inside them too.
    std::optional<std::uint64_t> requests() override
    {
        const auto statistics = _redis->info("commandstats", "cmdstat_evalsha");
        const std::string word = "calls=";
        return std::stoull(statistics.substr(statistics.find(word) + word.size()));
    }

protected:
    std::unique_ptr<StorageAdapter> start() override
    {
        auto storage = std::make_unique<RedisStorage>(_kind, RedisStorage::Durability::everySecond);
        _redis = &storage->redis();
        return storage;
    }

private:
    const RedisKind _kind;
    RedisServer* _redis = nullptr;
};

} // namespace

std::unique_ptr<StorageBench> redisBench(const std::string& kind)
{
    return std::make_unique<RedisBench>(redisKind(kind));
}

} // namespace Leasehold::Bench
