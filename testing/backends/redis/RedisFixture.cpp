#include "RedisFixture.h"

namespace Leasehold
{

void RedisFixture::tearDown()
{
    _server.reset();
}

RedisServer& RedisFixture::server(RedisServerOptions options, RedisKind kind)
{
    if (!_server)
        _server = std::make_unique<RedisServer>(kind, std::move(options));
    return *_server;
}

std::unique_ptr<RedisLockStore> RedisFixture::openUnprepared(RedisOptions options)
{
    if (options.nodes.empty())
        options.nodes = {server().node()};
    return std::make_unique<RedisLockStore>(std::move(options));
}

std::unique_ptr<RedisLockStore> RedisFixture::open(RedisOptions options)
{
    auto store = openUnprepared(std::move(options));
    store->prepare(context());
    return store;
}

std::vector<std::string> RedisFixture::keys()
{
    std::vector<std::string> found;
    for (const auto& key : server().operate({"KEYS", "{leasehold}:*"}).items)
        found.push_back(key.text);
    return found;
}

} // namespace Leasehold
