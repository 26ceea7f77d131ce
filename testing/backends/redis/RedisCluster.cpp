#include "RedisCluster.h"

#include "requireSoon.h"

#include <chrono>
#include <stdexcept>
#include <utility>

namespace Leasehold
{
namespace
{

constexpr int slots = 16384;

} // namespace

RedisCluster::RedisCluster(RedisKind kind, bool withReplicas, const TestCertificates* certificates) : _withReplicas(withReplicas)
{
    const auto count = withReplicas ? 2 * primaries : primaries;
    while (_nodes.size() < count)
        _nodes.push_back(std::make_unique<RedisServer>(
            kind, RedisServerOptions{.isClusterNode = true,
                                     .arguments = {"--cluster-node-timeout", "2000", "--cluster-replica-validity-factor", "0"},
                                     .certificates = certificates}));
    meet();
    if (withReplicas)
        addReplicas();
    awaitComplete();
}

void RedisCluster::meet()
{
    for (std::size_t index = 0; index < _nodes.size(); ++index)
    {
        auto& node = *_nodes[index];
        node.operate({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(index + 1)});
        if (index < primaries)
        {
            const auto bound = [](std::size_t part) { return static_cast<int>(part) * slots / static_cast<int>(primaries); };
            node.operate({"CLUSTER", "ADDSLOTSRANGE", std::to_string(bound(index)), std::to_string(bound(index + 1) - 1)});
        }
        if (index > 0)
            node.operate({"CLUSTER", "MEET", "127.0.0.1", std::to_string(_nodes.front()->port()), std::to_string(_nodes.front()->port(1))});
    }
    for (const auto& node : _nodes)
        requireSoon("every node knows the others",
                    [&] {
                        return node->operate({"CLUSTER", "INFO"}).text.find("cluster_known_nodes:" + std::to_string(_nodes.size())) !=
                               std::string::npos;
                    });
}

void RedisCluster::addReplicas()
{
    for (std::size_t index = primaries; index < _nodes.size(); ++index)
    {
        const auto id = idOf(index - primaries);
        // Refused until the gossip has told the node of its primary.
        requireSoon("a replica follows its primary",
                    [&] {
                        return _nodes[index]->ask({"CLUSTER", "REPLICATE", id}).type != Redis::Reply::Type::error;
                    });
    }
}

void RedisCluster::awaitComplete()
{
    for (const auto& node : _nodes)
        requireSoon("the cluster is complete",
                    [&]
                    {
                        if (node->operate({"CLUSTER", "INFO"}).text.find("cluster_state:ok") == std::string::npos)
                            return false;
                        if (node->info("replication", "role") != "master")
                            return node->info("replication", "master_link_status") == "up";
                        return !_withReplicas || node->info("replication", "slave0").find("state=online") != std::string::npos;
                    });
}

std::size_t RedisCluster::ownerOf(const std::string& prefix) const
{
    for (std::size_t index = 0; index < _nodes.size(); ++index)
    {
        try
        {
            if (_nodes[index]->pid() >= 0 && _nodes[index]->ask({"HGET", "{" + prefix + "}:era", "tag"}).type != Redis::Reply::Type::error)
                return index;
        }
        catch (const std::runtime_error&) // NOLINT(bugprone-empty-catch): a node that is stopped has nothing
        {
        }
    }
    throw std::runtime_error("no node has the slot of the prefix " + prefix);
}

std::vector<std::string> RedisCluster::nodes() const
{
    std::vector<std::string> addresses;
    for (const auto& node : _nodes)
        addresses.push_back(node->node());
    return addresses;
}

void RedisCluster::moveSlot(const std::string& prefix, std::size_t target, const std::function<void()>& halfWay)
{
    const auto source = ownerOf(prefix);
    const auto slot = std::to_string(_nodes[source]->operate({"CLUSTER", "KEYSLOT", "{" + prefix + "}:era"}).integer);
    _nodes[target]->operate({"CLUSTER", "SETSLOT", slot, "IMPORTING", idOf(source)});
    _nodes[source]->operate({"CLUSTER", "SETSLOT", slot, "MIGRATING", idOf(target)});
    const auto migrate = [&](const std::string& key) {
        _nodes[source]->operate({"MIGRATE", "127.0.0.1", std::to_string(_nodes[target]->port()), key, "0", "5000"});
    };
    bool isHalfWay = false;
    for (;;)
    {
        const auto keys = _nodes[source]->operate({"CLUSTER", "GETKEYSINSLOT", slot, "1000"}).items;
        if (keys.empty())
            break;
        for (const auto& key : keys)
        {
            migrate(key.text);
            if (!std::exchange(isHalfWay, true))
                halfWay();
        }
    }
    for (const auto node : {target, source})
        _nodes[node]->operate({"CLUSTER", "SETSLOT", slot, "NODE", idOf(target)});
    for (const auto& node : _nodes)
    {
        if (node->info("replication", "role") == "master")
            node->operate({"CLUSTER", "SETSLOT", slot, "NODE", idOf(target)});
    }
}

} // namespace Leasehold
