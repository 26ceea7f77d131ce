#include "EngineBench.h"

#include "Leasehold/FakeElasticsearchServer.h"

#include <stdexcept>

namespace Leasehold::Bench
{
namespace
{

/// A new index on the fake server for each scenario. The real store, of other processes too, uses it over HTTP.
class FakeStorage : public StorageAdapter
{
public:
    std::string name() const override { return "the fake server"; }
    std::string emptyStorage() override
    {
        return "elasticsearch+" + _server.url() + "/bench-" + std::to_string(++_indices) + "?replicas=0";
    }
    std::string properties() const override { throw std::logic_error("no configuration file names the fake server"); }
    std::size_t countTables() override { throw std::logic_error("the fake server does not list its indices"); }
    void freeze() override { _server.faults().always(FakeFault::hang()); }
    void thaw() override { _server.faults().clear(); }
    int hangTrials() const override { return 0; }

    std::size_t requests() const { return _server.requests(); }

private:
    FakeElasticsearchServer _server{{.clock = TimeSource::system()}};
    int _indices = 0;
};

class FakeElasticsearchBench : public EngineBench
{
public:
    std::optional<std::uint64_t> requests() override { return static_cast<FakeStorage&>(storage()).requests(); }

protected:
    std::unique_ptr<StorageAdapter> start() override { return std::make_unique<FakeStorage>(); }
};

} // namespace

std::unique_ptr<StorageBench> fake_elasticsearchBench(const std::string&)
{
    return std::make_unique<FakeElasticsearchBench>();
}

} // namespace Leasehold::Bench
