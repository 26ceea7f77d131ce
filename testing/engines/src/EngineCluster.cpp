#include "Leasehold/EngineCluster.h"

#include "freePort.h"

#include <Poco/Exception.h>

namespace Leasehold
{

EngineCluster::EngineCluster(EngineKind kind, std::size_t nodes, EngineOptions options)
{
    std::vector<int> ports;
    std::string seeds;
    for (std::size_t index = 0; index < nodes; ++index)
    {
        ports.push_back(freePort());
        seeds += (index == 0 ? "" : ", ") + ("\"127.0.0.1:" + std::to_string(ports.back()) + "\"");
    }
    options.settings.push_back("discovery.seed_hosts: [" + seeds + "]");
    for (const int port : ports)
        _nodes.emplace_back(new EngineNode(kind, options, port, EngineNode::Unstarted{}));

    // The first election needs the names of the nodes that take part in it.
    std::string names;
    for (const auto& node : _nodes)
        names += (names.empty() ? "" : ", ") + ("node-" + std::to_string(node->port()));
    const std::string key = kind == EngineKind::openSearch3 ? "cluster.initial_cluster_manager_nodes" : "cluster.initial_master_nodes";
    for (const auto& node : _nodes)
    {
        node->addSetting(key + ": [" + names + "]");
        node->start();
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(180);
    for (const auto& node : _nodes)
    {
        if (!node->answers(deadline))
            throw Poco::RuntimeException("the cluster did not form; the end of a node's log:\n" + node->logTail());
    }
}

EngineCluster::~EngineCluster() = default;

std::string EngineCluster::urls() const
{
    std::string urls;
    for (const auto& node : _nodes)
        urls += (urls.empty() ? "" : ",") + node->url();
    return urls;
}

} // namespace Leasehold
