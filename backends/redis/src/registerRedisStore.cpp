#include "Leasehold/RedisLockStore.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/Store/StoreSettings.h"

#include <algorithm>

namespace Leasehold
{
namespace
{

constexpr long long maxReplicas = 100, greatestDatabase = 1'000'000;

/// Without the spaces around each part.
std::vector<std::string> splitAtCommas(const std::string& text)
{
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();)
    {
        const auto end = std::min(text.find(',', begin), text.size());
        const auto part = text.substr(begin, end - begin);
        const auto first = part.find_first_not_of(" \t");
        parts.push_back(first == std::string::npos ? std::string() : part.substr(first, part.find_last_not_of(" \t") - first + 1));
        begin = end + 1;
    }
    return parts;
}

std::shared_ptr<LockStore> createRedisStore(StoreSettings& settings)
{
    // Read all keys before checking one: a key that was not read would be reported as unknown.
    RedisOptions options;
    const auto nodes = settings.optionalText("nodes");
    const auto socket = settings.optionalText("socket");
    options.sentinel = settings.text("sentinel", "");
    options.user = settings.text("user", "");
    options.password = settings.secret("password").value_or("");
    options.sentinelUser = settings.text("sentinel_user", "");
    options.sentinelPassword = settings.secret("sentinel_password").value_or("");
    options.database = static_cast<int>(settings.number("database", 0, 0, greatestDatabase));
    options.prefix = settings.text("prefix", "leasehold");
    options.tls = settings.flag("tls", false);
    options.caFile = settings.resolvePath(settings.text("ca_file", ""));
    options.clientCertificateFile = settings.resolvePath(settings.text("client_certificate_file", ""));
    options.clientKeyFile = settings.resolvePath(settings.text("client_key_file", ""));
    const auto replicas = settings.optionalText("replicas");
    options.pauseAfterStart = settings.duration("pause_after_start", options.pauseAfterStart);
    options.durable = settings.flag("durable", false);
    if (nodes.has_value() == socket.has_value())
        throw LockConfigurationError((nodes ? "both " : "neither ") + settings.fullName("nodes") + (nodes ? " and " : " nor ") +
                                     settings.fullName("socket") + (nodes ? " are set: use one of them" : " is set: set one of them"));
    options.nodes = nodes ? splitAtCommas(*nodes) : std::vector{settings.resolvePath(*socket)};
    if (replicas)
        options.replicas = static_cast<unsigned>(settings.number("replicas", 0, 0, maxReplicas));
    return std::make_shared<RedisLockStore>(std::move(options));
}

} // namespace

void registerRedisStore(StoreRegistry& registry)
{
    registry.add("redis", createRedisStore,
                 {{.scheme = "redis", .hosts = "nodes", .path = "database"},
                  {.scheme = "rediss", .hosts = "nodes", .path = "database", .settings = {{"tls", "true"}}},
                  {.scheme = "redis+sentinel", .hosts = "nodes", .path = "sentinel"},
                  {.scheme = "rediss+sentinel", .hosts = "nodes", .path = "sentinel", .settings = {{"tls", "true"}}},
                  {.scheme = "unix", .path = "socket"}});
}

} // namespace Leasehold
