#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/FakeElasticsearchServer.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/Store/StoreSettings.h"

namespace Leasehold
{

namespace
{

/// A store with its server.
struct StoreOnServer
{
    StoreOnServer(std::shared_ptr<FakeElasticsearchServer> itsServer, ElasticsearchOptions options) :
        server(std::move(itsServer)), store(std::move(options))
    {
    }

    std::shared_ptr<FakeElasticsearchServer> server; // outlives the store
    ElasticsearchLockStore store;
};

} // namespace

void registerFakeElasticsearchStore(StoreRegistry& registry, std::shared_ptr<FakeElasticsearchServer> server)
{
    registry.add("fake_elasticsearch",
                 [server = std::move(server)](StoreSettings& settings) -> std::shared_ptr<LockStore>
                 {
                     const auto own =
                         server ? server
                                : std::make_shared<FakeElasticsearchServer>(FakeElasticsearchOptions{.clock = TimeSource::system()});
                     ElasticsearchOptions options;
                     options.nodes = {own->url()};
                     options.index = settings.text("index", options.index);
                     options.replicas = 0;
                     const auto both = std::make_shared<StoreOnServer>(own, std::move(options));
                     return {both, &both->store};
                 },
                 {{.scheme = "fake_elasticsearch"}});
}

} // namespace Leasehold
