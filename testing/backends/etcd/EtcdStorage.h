#pragma once

#include "EtcdServer.h"
#include "StorageAdapter.h"

#include <string>

namespace Leasehold
{

/// A new prefix on one server for each test.
class EtcdStorage : public StorageAdapter, private StorageServer
{
public:
    /// `parameters`: of the URL, "?key=value" or nothing.
    explicit EtcdStorage(EtcdKind kind, EtcdSetup setup = {}, std::string parameters = {}) :
        _etcd(kind, std::move(setup)), _parameters(std::move(parameters))
    {
    }

    const EtcdServer& etcd() const { return _etcd; }

    std::string name() const override { return _etcd.name(); }
    std::string emptyStorage() override;
    std::string properties() const override;
    std::size_t countTables() override;

    void freeze() override { _etcd.pause(); }
    void thaw() override { _etcd.resume(); }
    int hangTrials() const override { return 4; }

    StorageServer* server() override { return this; }

private:
    int port() const override { return _etcd.port(); }
    std::string urlThrough(int port) const override;
    void kill() override { _etcd.kill(); }
    void restart() override { _etcd.restart(); }
    void deleteStorage() override { _etcd.deletePrefix(_prefix + "/"); }

    void repair();

    EtcdServer _etcd;
    const std::string _parameters;
    std::string _prefix;
    int _prefixes = 0;
};

} // namespace Leasehold
