#include "BareEtcd.h"
#include "EtcdStorage.h"

#include <sstream>

namespace Leasehold::Bench
{
namespace
{

class EtcdBench : public StorageBench
{
public:
    explicit EtcdBench(EtcdKind kind) : _kind(kind) {}

    Targets targets() const override
    {
        const auto atLeast = [](double ratio) { return Target{Target::Bound::atLeast, ratio}; };
        return {.pair = atLeast(0.95), .threads = {{16, atLeast(1.5)}, {64, atLeast(3)}}, .keeping = 12, .handOver = 10};
    }

    std::string bareName() const override { return "the same Txns on bare connections to the gateway"; }
    std::unique_ptr<BareClient> bareClient(const std::string& url, const std::string& name) override
    {
        return std::make_unique<BareEtcd>(url, name);
    }

    std::optional<pid_t> serverProcess() override { return etcd().pid(); }

    /// All calls of its own API, into which the gateway turns the requests.
    std::optional<std::uint64_t> requests() override
    {
        std::istringstream lines(etcd().ask("GET", "/metrics").body);
        double sum = 0;
        for (std::string line; std::getline(lines, line);)
        {
            if (line.starts_with("grpc_server_started_total{"))
                sum += std::stod(line.substr(line.rfind(' ')));
        }
        return static_cast<std::uint64_t>(sum);
    }

protected:
    std::unique_ptr<StorageAdapter> start() override
    {
        auto storage = std::make_unique<EtcdStorage>(_kind);
        _storage = storage.get();
        return storage;
    }

private:
    const EtcdServer& etcd()
    {
        storage(); // starts it
        return _storage->etcd();
    }

    const EtcdKind _kind;
    EtcdStorage* _storage = nullptr;
};

} // namespace

std::unique_ptr<StorageBench> etcdBench(const std::string& kind)
{
    return std::make_unique<EtcdBench>(etcdKind(kind));
}

} // namespace Leasehold::Bench
