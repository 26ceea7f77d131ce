#pragma once

#include "EngineNode.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// Several nodes of one kind that form a cluster on the loopback. Make it on the main thread, as an EngineNode. The constructor throws if
/// the cluster does not form.
class EngineCluster
{
public:
    EngineCluster(EngineKind kind, std::size_t nodes, EngineOptions options = {});
    ~EngineCluster();

    std::size_t size() const { return _nodes.size(); }
    EngineNode& node(std::size_t index) { return *_nodes.at(index); }

    /// The addresses of all nodes, separated by commas.
    std::string urls() const;

private:
    std::vector<std::unique_ptr<EngineNode>> _nodes;
};

} // namespace Leasehold
