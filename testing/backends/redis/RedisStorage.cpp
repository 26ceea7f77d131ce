#include "RedisStorage.h"

#include "Leasehold/RedisLockStore.h"

#include <chrono>

namespace Leasehold
{
namespace
{

RedisServerOptions optionsOf(bool isDurable)
{
    if (isDurable)
        return {.keepsChanges = true};
    return {.arguments = {"--appendonly", "yes", "--appendfsync", "everysec"}};
}

} // namespace

RedisStorage::RedisStorage(RedisKind kind, Durability durability) :
    _isDurable(durability == Durability::everyChange), _server(kind, optionsOf(_isDurable))
{
}

std::string RedisStorage::emptyStorage()
{
    repair();
    warmUp();
    _prefix = "tested-" + std::to_string(++_prefixes);
    return urlThrough(_server.port());
}

std::string RedisStorage::properties() const
{
    return "leasehold.store.redis.nodes = " + _server.node() + "\nleasehold.store.redis.prefix = " + _prefix +
           "\nleasehold.store.redis.durable = " + (_isDurable ? "true" : "false") + "\n";
}

/// A storage is the hash of its era; the other keys come with the locks.
std::size_t RedisStorage::countTables()
{
    return static_cast<std::size_t>(_server.operate({"EXISTS", "{" + _prefix + "}:era"}).integer);
}

std::string RedisStorage::urlThrough(int port) const
{
    return "redis://127.0.0.1:" + std::to_string(port) + "?prefix=" + _prefix + (_isDurable ? "&durable=true" : "&pause_after_start=0s");
}

void RedisStorage::deleteStorage()
{
    _server.operate({"FLUSHALL"});
}

/// A test that failed halfway may have left the server stopped or dead. Also removes the keys of that test.
void RedisStorage::repair()
{
    _server.resume();
    if (_server.pid() < 0)
        _server.restart();
    deleteStorage();
}

/// Reads what the first call of a program reads from the disk.
void RedisStorage::warmUp()
{
    const auto context = CallContext::within(std::chrono::minutes{1});
    RedisLockStore store({.nodes = {_server.node()}, .prefix = "warm-up", .pauseAfterStart = {}});
    store.prepare(context);
    const auto reply = store.acquire({.name = "a", .token = "t", .ttl = std::chrono::minutes{10}}, context);
    store.release({"a", "t", reply.record.fence}, context);
}

std::unique_ptr<StorageAdapter> redisStorage(const std::string& kind)
{
    return std::make_unique<RedisStorage>(redisKind(kind), RedisStorage::Durability::everyChange);
}

} // namespace Leasehold
