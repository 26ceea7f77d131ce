#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/BatchedLockStore.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

class StoreRegistry;

namespace Etcd
{
class Engine;
}

/// The nodes, the prefix of the keys, and the credentials.
struct EtcdOptions
{
    std::vector<std::string> nodes{};    ///< "http://host:2379" or "https://host:2379"; at least one
    std::string prefix = "leasehold";    ///< all keys of the store begin with it and a slash
    std::string user{},                  ///< of etcd's own authentication: user and password, or neither
        password{};                      ///< of the user
    std::string caFile{};                ///< PEM file with the certificates to trust; empty: the system's
    std::string clientCertificateFile{}, ///< PEM file, for servers that ask for a client certificate: with its key, or neither
        clientKeyFile{};                 ///< PEM file with the key of the client certificate
    std::size_t maxTxnOps = 128;         ///< not more than the setting --max-txn-ops of the servers
};

/// Locks in etcd 3.4 or newer, over its JSON gateway: one Txn per verb. A lock is live while its key exists, and the key hangs on a lease
/// of etcd, which the store never extends: each grant and each renewal moves the key to a new lease. backends/etcd/README.md has the
/// reason, the guarantees and the limits. Thread-safe.
///
/// If the keys vanish or the storage is set back after this object has used it, leases are lost, and the store grants nothing
/// (LockStoreUnavailable) for the longest TTL that it was asked for: other processes may still hold leases of the lost storage.
class LEASEHOLD_EXPORT EtcdLockStore final : public BatchedLockStore
{
public:
    /// Returns the microseconds since 1970: the base of new fences, and the times in records. It decides no expiry.
    using WallClock = std::function<std::int64_t()>;

    /// Does not connect. Throws LockConfigurationError for options that cannot be used. `wall`: empty means the system's clock.
    explicit EtcdLockStore(const EtcdOptions& options, WallClock wall = {});
    ~EtcdLockStore() override;

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
    EtcdLockStore(std::unique_ptr<Etcd::Engine> engine, Delegated);

    std::unique_ptr<Etcd::Engine> _engine;
};

/// Adds the type "etcd", with the keys `url`, `prefix`, `user`, `password`, `ca_file`, `client_certificate_file`, `client_key_file` and
/// `max_txn_ops` under `leasehold.store.etcd`.
LEASEHOLD_EXPORT void registerEtcdStore(StoreRegistry& registry);

} // namespace Leasehold
