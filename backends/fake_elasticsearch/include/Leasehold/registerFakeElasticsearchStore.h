#pragma once

#include <memory>

namespace Leasehold
{

class FakeElasticsearchServer;
class StoreRegistry;

/// Adds the type "fake_elasticsearch": the real ElasticsearchLockStore on a fake server. For tests and samples only. With a
/// `server`, all stores share it, as processes share a cluster; else each store has a server of its own whose time is the
/// system's. Key: leasehold.store.fake_elasticsearch.index.
void registerFakeElasticsearchStore(StoreRegistry& registry, std::shared_ptr<FakeElasticsearchServer> server = {});

} // namespace Leasehold
