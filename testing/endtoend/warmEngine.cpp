#include "warmEngine.h"

#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/sharedEngine.h"

#include <set>
#include <stdexcept>

namespace Leasehold
{
namespace
{

void askForEverything(EngineNode& node)
{
    constexpr const char* index = "warm-up";
    constexpr auto ttl = std::chrono::minutes{10};
    const auto context = CallContext::within(std::chrono::minutes{2});
    ElasticsearchOptions options;
    options.nodes = {node.url()};
    options.index = index;
    options.replicas = 0;
    ElasticsearchLockStore store(options);
    store.prepare(context);
    const auto reply = store.acquire({"a", "t", ttl, "{}", 0}, context);
    const std::vector<RenewRequest> two{{{"a", "t", reply.record.fence}, ttl}, {{"b", "t", reply.record.fence}, ttl}}; // a bulk
    store.renew(two, context);
    store.find("a", context);
    store.list({}, context);
    store.release({"a", "t", reply.record.fence}, context);
    store.prune(std::chrono::hours{1}, context);
    if (node.ask("DELETE", std::string("/") + index + "-1").status != 200)
        throw std::runtime_error("the index of the warm-up cannot be deleted");
}

} // namespace

EngineNode& warmEngine(EngineKind kind)
{
    static std::set<pid_t> warm; // a node that was restarted is another process
    auto& node = sharedEngine(kind);
    if (!warm.contains(node.pid()))
        askForEverything(node);
    warm.insert(node.pid());
    return node;
}

} // namespace Leasehold
