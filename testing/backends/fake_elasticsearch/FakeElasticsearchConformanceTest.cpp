#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/FakeElasticsearchServer.h"
#include "Leasehold/registerConformance.h"

#include <cppunit/TestAssert.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// The real store over real HTTP, each view with its own connections. The server's clock moves only by advance.
class FakeElasticsearchHarness : public StoreHarness,
                                 public VirtualTime,
                                 public ClockAhead,
                                 public StorageRestart,
                                 public StorageLoss,
                                 public Outage
{
public:
    std::shared_ptr<LockStore> openStore() override
    {
        ElasticsearchOptions options;
        options.nodes = {_server.url()};
        options.replicas = 0;
        return std::make_shared<ElasticsearchLockStore>(std::move(options));
    }
    Milliseconds shortTtl() const override { return 1s; } // the server's time, but after a loss the store waits for so long by its own
    void advance(Milliseconds span) override { _server.advance(span); }
    void pretendClockWasAhead(const std::string&, Milliseconds by) override { _server.advance(-by); }
    void restartStorage() override
    {
        _server.stop();
        _server.start();
    }
    void emptyStorage() override { CPPUNIT_ASSERT_EQUAL(200, _server.ask("DELETE", "/leasehold-1").status); }
    void cutOff() override { _server.stop(); }
    void reconnect() override { _server.start(); }

private:
    FakeElasticsearchServer _server;
};

const bool registered = registerConformance<FakeElasticsearchHarness>("fake_elasticsearch");

} // namespace
} // namespace Leasehold
