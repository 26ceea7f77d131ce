#include "sharedEngine.h"

#include <map>
#include <memory>

namespace Leasehold
{

EngineNode& sharedEngine(EngineKind kind)
{
    static std::map<EngineKind, std::unique_ptr<EngineNode>> nodes;
    auto& node = nodes[kind];
    if (!node)
        node = std::make_unique<EngineNode>(kind);
    return *node;
}

} // namespace Leasehold
