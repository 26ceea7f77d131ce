#include "Alternation.h"
#include "BareEtcd.h"
#include "BareMutex.h"
#include "EtcdStorage.h"
#include "ThreadCrew.h"

#include "Leasehold/LockManagerService.h"

#include <sstream>

namespace Leasehold::Bench
{
namespace
{

/// A server, and how the store uses it.
struct Variant
{
    EtcdKind kind = EtcdKind::etcd35;
    EtcdSetup setup{};
    std::string parameters{};
    double keeping = 12; ///< at most so many requests per second for 10,000 locks
};

Variant variantOf(const std::string& name)
{
    if (name == "etcd35wide")
        return {.setup = {.arguments = {"--max-txn-ops", "2000"}}, .parameters = "?max_txn_ops=2000", .keeping = 3};
    return {.kind = etcdKind(name)};
}

class EtcdBench : public StorageBench
{
public:
    explicit EtcdBench(const std::string& name) : _variant(variantOf(name)) {}

    Targets targets() const override
    {
        const auto atLeast = [](double ratio) { return Target{Target::Bound::atLeast, ratio}; };
        return {.pair = atLeast(0.95), .threads = {{16, atLeast(1.5)}, {64, atLeast(3)}}, .keeping = _variant.keeping, .handOver = 10};
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

    std::vector<Scenario> scenarios() override
    {
        return {{.name = "mutex", .title = "acquire + release, beside concurrency.Mutex", .run = [this](Setting& setting) {
                     return measureBesideMutex(setting);
                 }}};
    }

protected:
    std::unique_ptr<StorageAdapter> start() override
    {
        auto storage = std::make_unique<EtcdStorage>(_variant.kind, _variant.setup, _variant.parameters);
        _storage = storage.get();
        return storage;
    }

private:
    const EtcdServer& etcd()
    {
        storage(); // starts it
        return _storage->etcd();
    }

    /// 64 threads on distinct names, beside as many clients that lock as etcd's own library does.
    Result measureBesideMutex(Setting& setting)
    {
        const auto url = preparedStorage();
        LockManagerService locks(openStore(url));
        const auto threads = setting.pick<std::size_t>(2, 64);
        std::vector<std::string> names;
        std::vector<std::unique_ptr<BareMutex>> clients;
        for (std::size_t number = 0; number < threads; ++number)
        {
            names.push_back("job/" + std::to_string(number));
            clients.push_back(std::make_unique<BareMutex>(url, names.back()));
        }
        const auto ours = [&]
        { return crewRate(threads, setting.slice(), [&](std::size_t number) { locks.acquire(names[number]).release(); }).perSecond; };
        const auto theirs = [&]
        { return crewRate(threads, setting.slice(), [&](std::size_t number) { clients[number]->pair(); }).perSecond; };
        ours(), theirs();
        Result result;
        result.lines.push_back(alternate(setting,
                                         {.what = std::to_string(threads) + " threads on distinct names",
                                          .unit = "pairs/s",
                                          .limitName = "the requests of concurrency.Mutex from as many bare connections to the gateway",
                                          .target = Target{Target::Bound::atLeast, 1}},
                                         ours, theirs));
        result.notes.emplace_back("concurrency.Mutex itself uses gRPC, which makes about twice as many requests a second as the gateway");
        return result;
    }

    const Variant _variant;
    EtcdStorage* _storage = nullptr;
};

} // namespace

std::unique_ptr<StorageBench> etcdBench(const std::string& kind)
{
    return std::make_unique<EtcdBench>(kind);
}

} // namespace Leasehold::Bench
