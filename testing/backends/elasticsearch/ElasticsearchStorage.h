#pragma once

#include "EngineNode.h"
#include "StorageAdapter.h"

#include <string>

#include <sys/types.h>

namespace Leasehold
{

/// A new index on one node for each test.
class ElasticsearchStorage : public StorageAdapter, private StorageServer
{
public:
    /// Throws std::invalid_argument if no kind has this name.
    explicit ElasticsearchStorage(const std::string& kind, EngineOptions options = {});

    EngineNode& node() { return _node; }

    std::string name() const override { return toString(_kind); }
    std::string emptyStorage() override;
    std::string properties() const override;
    std::size_t countTables() override;
    void freeze() override { _node.pause(); }
    void thaw() override { _node.resume(); }
    int hangTrials() const override { return 20; }
    StorageServer* server() override { return this; }

private:
    int port() const override { return _node.port(); }
    std::string urlThrough(int port) const override;
    void kill() override { _node.kill(); }
    void restart() override;
    void deleteStorage() override { remove(_index); }

    void remove(const std::string& index);
    void repair();
    void warmUp();

    const EngineKind _kind;
    EngineNode _node;
    pid_t _warm = -1;
    std::string _index;
    int _indices = 0;
};

} // namespace Leasehold
