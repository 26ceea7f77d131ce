#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/BatchedLockStore.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

class StoreRegistry;

namespace Redis
{
class LockServer;
}

/// The servers, and how to log in to them. Set by name.
struct RedisOptions
{
    /// "host:6379", "[::1]:6379" or the path of a unix socket: one server, or several nodes of a cluster. With `sentinel`: the sentinels.
    std::vector<std::string> nodes{};
    std::string sentinel{};              ///< the name of the primary that the sentinels watch; empty: the nodes are servers
    std::string user{},                  ///< empty: the default user
        password{};                      ///< empty: no log-in
    std::string sentinelUser{},          ///< of the sentinels, likewise
        sentinelPassword{};              ///< of the sentinels
    int database = 0;                    ///< the number of the database; a cluster has only 0
    std::string prefix = "leasehold";    ///< in front of every key: two prefixes are two stores
    bool tls = false;                    ///< for servers and sentinels
    std::string caFile{};                ///< PEM file with the certificates to trust; empty: the system's
    std::string clientCertificateFile{}, ///< PEM file, for servers that ask for a client certificate: with its key, or neither
        clientKeyFile{};                 ///< PEM file with the key of the client certificate
    /// So many replicas must have a grant or renewal before it counts. nullopt: one with sentinels or in a cluster, else none.
    std::optional<unsigned> replicas{};
    /// A server without any data of this store grants nothing until it has run for so long: it may have lost leases when it was restarted.
    Milliseconds pauseAfterStart{30'000};
    bool durable = false; ///< the server keeps every change through a crash: a lone one with `appendfsync always`
};

/// Locks in Redis 7.0 and newer or in Valkey: one hash per lock, one script per request. The server's clock judges expiry.
/// backends/redis/README.md has the guarantees and limits. Thread-safe.
///
/// If the server is restarted or replaced, or its data was lost, the data itself refuses grants (LockStoreUnavailable) to all processes for
/// the longest TTL that an earlier holder may still count on.
class LEASEHOLD_EXPORT RedisLockStore final : public BatchedLockStore
{
public:
    /// Does not connect. Throws LockConfigurationError for options that cannot be used.
    explicit RedisLockStore(RedisOptions options);
    ~RedisLockStore() override;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    void prepareToRead(const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::string engine(const CallContext& context) override;
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override;

protected:
    void carryOut(Batch& batch) override;
    std::string encode(const BatchStep& step) const override;

private:
    struct Delegated // or a braced list of options could mean this constructor
    {
    };
    RedisLockStore(std::shared_ptr<Redis::LockServer> server, Delegated);

    void send(Batch& batch, bool withAcquires);

    std::shared_ptr<Redis::LockServer> _server;
};

/// Adds the type "redis", with the keys `nodes`, `socket`, `sentinel`, `user`, `password`, `sentinel_user`, `sentinel_password`,
/// `database`, `prefix`, `tls`, `ca_file`, `client_certificate_file`, `client_key_file`, `replicas`, `pause_after_start` and `durable`
/// under `leasehold.store.redis`.
LEASEHOLD_EXPORT void registerRedisStore(StoreRegistry& registry);

} // namespace Leasehold
