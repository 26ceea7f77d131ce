#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/FakeElasticsearchServer.h"
#include "Leasehold/registerConformance.h"

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// The real store over real HTTP, each view with connections of its own; the server's clock stands still but for advance.
class FakeElasticsearchHarness : public StoreHarness, public VirtualTime, public Outage
{
public:
    std::shared_ptr<LockStore> openStore() override
    {
        ElasticsearchOptions options;
        options.nodes = {_server.url()};
        options.replicas = 0;
        return std::make_shared<ElasticsearchLockStore>(std::move(options));
    }
    Milliseconds shortTtl() const override { return 30s; }
    void advance(Milliseconds span) override { _server.advance(span); }
    void cutOff() override { _server.stop(); }
    void reconnect() override { _server.start(); }

private:
    FakeElasticsearchServer _server;
};

const bool registered = registerConformance<FakeElasticsearchHarness>("fake_elasticsearch");

} // namespace
} // namespace Leasehold
