#include "EngineCluster.h"

namespace Leasehold
{

EngineCluster::EngineCluster(EngineKind kind, std::size_t nodes, EngineOptions options)
{
    for (std::size_t index = 0; index < nodes; ++index)
        _nodes.emplace_back(new EngineNode(kind, options, EngineNode::Unstarted{}));

    // The nodes find each other by their addresses, and the first election needs their names.
    std::string seeds;
    std::string names;
    for (const auto& node : _nodes)
    {
        const std::string separator = seeds.empty() ? "" : ", ";
        seeds += separator + "\"127.0.0.1:" + std::to_string(node->transportPort()) + "\"";
        names += separator + "node-" + std::to_string(node->port());
    }
    const std::string key = kind == EngineKind::openSearch3 ? "cluster.initial_cluster_manager_nodes" : "cluster.initial_master_nodes";
    for (const auto& node : _nodes)
    {
        node->_options.settings.push_back("discovery.seed_hosts: [" + seeds + "]");
        node->_options.settings.push_back(key + ": [" + names + "]");
        node->launch();
    }
    for (const auto& node : _nodes)
        node->awaitAnswer();
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
