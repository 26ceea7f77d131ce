#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/FakeElasticsearchServer.h"
#include "Leasehold/StoreRegistry.h"
#include "Leasehold/StoreSettings.h"

namespace Leasehold
{

namespace
{

/// A store with the server that it talks to.
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
                         server ? server : std::make_shared<FakeElasticsearchServer>(FakeElasticsearchOptions{.clock = Clock::system()});
                     ElasticsearchOptions options;
                     options.nodes = {own->url()};
                     options.index = settings.text("index", options.index);
                     options.replicas = 0;
                     const auto both = std::make_shared<StoreOnServer>(own, std::move(options));
                     return {both, &both->store};
                 });
}

} // namespace Leasehold
