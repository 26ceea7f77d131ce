#pragma once

#include "RedisServer.h"
#include "StorageAdapter.h"

#include <string>

namespace Leasehold
{

/// A prefix for each test, on one server.
class RedisStorage : public StorageAdapter, private StorageServer
{
public:
    /// What the server keeps on its disk when it answers.
    enum class Durability
    {
        everyChange,
        everySecond
    };

    RedisStorage(RedisKind kind, Durability durability);

    std::string name() const override { return _server.name(); }
    std::string emptyStorage() override;
    std::string properties() const override;
    std::size_t countTables() override;
    void freeze() override { _server.pause(); }
    void thaw() override { _server.resume(); }
    int hangTrials() const override { return 10; }
    StorageServer* server() override { return this; }

    RedisServer& redis() { return _server; }

private:
    int port() const override { return _server.port(); }
    std::string urlThrough(int port) const override;
    void kill() override { _server.kill(); }
    void restart() override { _server.restart(); }
    void deleteStorage() override;

    void repair();
    void warmUp();

    const bool _isDurable;
    RedisServer _server;
    std::string _prefix;
    int _prefixes = 0;
};

} // namespace Leasehold
