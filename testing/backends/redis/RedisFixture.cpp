#include "RedisFixture.h"

#include <fstream>
#include <sstream>

namespace Leasehold
{
namespace
{

/// The words of the first indented block of operating.md of the store.
std::vector<std::string> documentedRights()
{
    std::ifstream file(LEASEHOLD_REDIS_OPERATING);
    std::vector<std::string> rights;
    for (std::string line; std::getline(file, line) && (rights.empty() || !line.empty());)
    {
        if (!line.starts_with("    "))
            continue;
        std::istringstream words(line);
        for (std::string word; words >> word;)
            rights.push_back(word);
    }
    return rights;
}

} // namespace

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

void RedisFixture::addWorker(const RedisServer& server, const std::vector<std::string>& changes)
{
    auto command = documentedRights();
    CPPUNIT_ASSERT(command.size() > 10);
    command.insert(command.begin(), {"ACL", "SETUSER", "worker", "reset", "on", ">hunter2"});
    command.insert(command.end(), changes.begin(), changes.end());
    server.operate(command);
}

std::vector<std::string> RedisFixture::keys()
{
    std::vector<std::string> found;
    for (const auto& key : server().operate({"KEYS", "{leasehold}:*"}).items)
        found.push_back(key.text);
    return found;
}

} // namespace Leasehold
