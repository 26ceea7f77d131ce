#pragma once

#include "EtcdServer.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

/// Real servers that form one cluster.
class EtcdCluster
{
public:
    static constexpr std::size_t size = 3;

    /// Starts a server for each setup; without setups, `size` servers.
    explicit EtcdCluster(EtcdKind kind, std::vector<EtcdSetup> setups = std::vector<EtcdSetup>(size));

    EtcdServer& node(std::size_t index) { return *_nodes.at(index); }
    /// "http://127.0.0.1:1,http://127.0.0.1:2": of all nodes.
    std::string urls() const;

    /// The node that leads, as another node than `without` tells; returns when there is one.
    std::size_t leader(std::optional<std::size_t> without = {});
    /// Any node but these two.
    static std::size_t another(std::size_t one, std::size_t other) { return size - one - other; }
    /// Returns when all nodes answer and agree on a leader.
    void awaitHealth();

    /// The field of a node's answer to `status`, an id as text; empty: it does not answer.
    std::string statusOf(std::size_t index, const char* field);

private:
    std::optional<std::size_t> leaderToldBy(std::size_t index);

    std::vector<std::unique_ptr<EtcdServer>> _nodes;
};

} // namespace Leasehold
