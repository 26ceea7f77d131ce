#include "Leasehold/sharedEngine.h"

#include <cstdlib>
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

std::string sharedEngineUrl(EngineKind kind)
{
    const char* const own = std::getenv("LEASEHOLD_TEST_ELASTICSEARCH_URL");
    return own != nullptr && *own != '\0' ? std::string(own) : sharedEngine(kind).url();
}

} // namespace Leasehold
