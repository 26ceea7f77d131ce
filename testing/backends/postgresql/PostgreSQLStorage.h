#pragma once

#include "PostgresServer.h"
#include "StorageAdapter.h"

#include <string>

namespace Leasehold
{

/// A new schema on one server for each test.
class PostgreSQLStorage : public StorageAdapter, private StorageServer
{
public:
    explicit PostgreSQLStorage(const std::string& kind) : _server(kind) {}

    PostgresServer& postgres() { return _server; }

    std::string name() const override;
    std::string emptyStorage() override;
    std::string properties() const override;
    std::size_t countTables() override;
    void freeze() override { _server.pause(); }
    void thaw() override { _server.resume(); }
    int hangTrials() const override { return 6; }
    StorageServer* server() override { return this; }

private:
    int port() const override { return _server.port(); }
    std::string urlThrough(int port) const override;
    void kill() override { _server.kill(); }
    void restart() override { _server.restart(); }
    void deleteStorage() override;

    void repair();

    PostgresServer _server;
    std::string _schema;
    int _schemas = 0;
};

} // namespace Leasehold
