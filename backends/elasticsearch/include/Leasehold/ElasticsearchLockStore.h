#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/BatchedLockStore.h"

#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

class StoreRegistry;

namespace Elasticsearch
{
class EngineClient;
struct EngineItem;
struct Verdict;
} // namespace Elasticsearch

/// The nodes, the index, and the credentials.
struct ElasticsearchOptions
{
    std::vector<std::string> nodes{}; ///< "http://host:9200" or "https://host:9200"; at least one
    std::string index = "leasehold";  ///< the alias of the index that holds the locks
    std::string user{},               ///< basic authentication: user and password, or neither
        password{};                   ///< of the user
    std::string apiKey{};             ///< as the engine returns it encoded; instead of user and password
    std::string caFile{};             ///< PEM file with the certificates to trust; empty: the system's
    int replicas = 2;                 ///< copies beside the primary, when the store makes the index

    std::string clientCertificateFile{}, ///< PEM file, for engines that ask for a client certificate: with its key, or neither
        clientKeyFile{};                 ///< PEM file with the key of the client certificate
};

/// Locks in Elasticsearch or OpenSearch: one document per lock, one request per verb. The clock of the node with the primary shard judges
/// expiry. backends/elasticsearch/README.md has the guarantees and limits. Thread-safe.
///
/// If the index vanishes after this object has seen it, its leases are lost, and the store grants nothing (LockStoreUnavailable) for the
/// longest TTL that it was asked for: other processes may still hold leases of the lost index.
class LEASEHOLD_EXPORT ElasticsearchLockStore final : public BatchedLockStore
{
public:
    /// Does not connect. Throws LockConfigurationError for options that cannot be used.
    explicit ElasticsearchLockStore(ElasticsearchOptions options);
    ~ElasticsearchLockStore() override;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    void prepareToRead(const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::string engine(const CallContext& context) override;

protected:
    void carryOut(Batch& batch) override;
    std::string encode(const BatchStep& step) const override;

private:
    struct Delegated // or a braced list of options could mean this constructor
    {
    };
    ElasticsearchLockStore(std::unique_ptr<Elasticsearch::EngineClient> engine, Delegated);

    std::string whyTooOld(const CallContext& context);
    std::vector<BatchStep*> send(std::vector<BatchStep*> steps, Batch& batch);
    bool judgeAcquire(BatchStep& step, const Elasticsearch::Verdict& request, Elasticsearch::EngineItem item, const std::string& node);
    RenewReply judgedRenewal(const RenewRequest& request, const Elasticsearch::Verdict& whole, const Elasticsearch::EngineItem& item);
    ReleaseReply judgedRelease(const Elasticsearch::Verdict& request, Elasticsearch::EngineItem item, const std::string& node);
    bool refresh(const std::string& what, const CallContext& context);

    std::unique_ptr<Elasticsearch::EngineClient> _engine;
};

/// Adds the type "elasticsearch", with the keys `url`, `index`, `user`, `password`, `api_key`, `ca_file`, `client_certificate_file`,
/// `client_key_file` and `replicas` under `leasehold.store.elasticsearch`.
LEASEHOLD_EXPORT void registerElasticsearchStore(StoreRegistry& registry);

} // namespace Leasehold
