#pragma once

#include "Leasehold/LockStore.h"

#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

class EngineClient;
class StoreRegistry;
struct EngineItem;

/// Where the nodes are, and who we are to them.
struct ElasticsearchOptions
{
    std::vector<std::string> nodes{}; ///< "http://host:9200" or "https://host:9200"; at least one
    std::string index = "leasehold";  ///< the alias of the index that holds the locks
    std::string user{}, password{};   ///< basic authentication: both or neither
    std::string apiKey{};             ///< as the engine returns it encoded; instead of user and password
    std::string caFile{};             ///< PEM file with the certificates to trust; empty: the system's
    int replicas = 2;                 ///< copies beside the primary, when the store makes the index
};

/// Locks in Elasticsearch or OpenSearch: one document per lock, one request per verb, judged by the clock of the node that holds the
/// primary shard. What it guarantees and where its limits are stands in the README beside it. Thread-safe.
///
/// If the index vanishes after this object has seen it, its leases are lost, and for the longest ttl that was asked of it nothing is
/// granted (LockStoreUnavailable): others may still believe in leases that the index held.
class ElasticsearchLockStore final : public LockStore
{
public:
    /// Does not connect. Throws LockConfigurationError for options that cannot be used.
    explicit ElasticsearchLockStore(ElasticsearchOptions options);
    ~ElasticsearchLockStore() override;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override;
    ReleaseStatus release(const LeaseRef& lease, const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::string engine(const CallContext& context) override;

private:
    RenewReply renewReply(const RenewRequest& request, const EngineItem& item);
    bool refresh(const std::string& what, const CallContext& context);

    std::unique_ptr<EngineClient> _engine;
};

/// Adds the type "elasticsearch": leasehold.store.elasticsearch.{url, index, user, password, api_key, ca_file, replicas}.
void registerElasticsearchStore(StoreRegistry& registry);

} // namespace Leasehold
