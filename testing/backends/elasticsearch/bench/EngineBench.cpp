#include "EngineBench.h"

#include "LoadGenerator.h"

#include <string_view>

namespace Leasehold::Bench
{
namespace
{

constexpr int conflict = 409; // another client changed the document meanwhile

class BareEngineClient : public BareClient
{
public:
    BareEngineClient(const IndexAddress& address, const std::string& name) :
        _connection(address.port), _lock(address.port, address.index, name)
    {
    }

    bool pair() override
    {
        const auto answer = _connection.exchange(_lock.acquire());
        if (statusOf(answer) == conflict || answer.find(R"("result":"noop")") != std::string_view::npos)
            return false;
        const auto& release = _lock.release(answer);
        auto released = _connection.exchange(release);
        while (statusOf(released) == conflict)
            released = _connection.exchange(release);
        RawLock::requireReleased(released);
        return true;
    }

private:
    RawConnection _connection;
    RawLock _lock;
};

class SingleUpdates : public BareLoad
{
public:
    SingleUpdates(const IndexAddress& address, std::size_t connections) :
        _name("single `_update`s, " + std::to_string(connections) + " connections"), _load(address.port, address.index, connections)
    {
    }

    std::string name() const override { return _name; }
    double pairsPerSecond(Seconds slice) override { return _load.run(slice).requestsPerSecond / 2; }

private:
    const std::string _name;
    LoadGenerator _load;
};

std::size_t bestConcurrency(const Setting& setting, const IndexAddress& address)
{
    std::size_t best = 0;
    double highest = 0;
    for (const std::size_t connections : setting.pick<std::vector<std::size_t>>({2, 4}, {8, 16, 32, 64, 128, 256}))
    {
        SingleUpdates load(address, connections);
        std::vector<double> rates;
        for (int i = 0; i < setting.pick(1, 3); ++i)
            rates.push_back(load.pairsPerSecond(setting.slice()));
        if (const double rate = spreadOf(rates).median; rate > highest)
            highest = rate, best = connections;
    }
    return best;
}

} // namespace

Targets EngineBench::targets() const
{
    const auto atLeast = [](double ratio) { return Target{Target::Bound::atLeast, ratio}; };
    return {.pair = atLeast(0.95),
            .threads = {{16, atLeast(1)}, {64, atLeast(1.5)}, {256, atLeast(3)}},
            .contention = atLeast(10),
            .keeping = 3};
}

std::unique_ptr<BareClient> EngineBench::bareClient(const std::string& url, const std::string& name)
{
    return std::make_unique<BareEngineClient>(indexAddress(url), name);
}

std::unique_ptr<BareLoad> EngineBench::bareLoad(Setting& setting, const std::string& url, std::size_t)
{
    const auto address = indexAddress(url);
    if (_bestConnections == 0)
        _bestConnections = bestConcurrency(setting, address);
    return std::make_unique<SingleUpdates>(address, _bestConnections);
}

std::vector<Scenario> EngineBench::scenarios()
{
    const auto with = [this](Result (*measure)(Setting&, EngineBench&))
    { return [this, measure](Setting& setting) { return measure(setting, *this); }; };
    return {
#ifdef LEASEHOLD_BENCH_SMALL_STEPS
        {.name = "small-steps", .title = "the small steps of the store, in processor time", .run = measureEngineSteps},
#endif
        {.name = "request-limits", .title = "other raw limits of the engine", .run = with(measureRequestLimits)},
        {.name = "bulk-size", .title = "renewals in one request: which size is best", .run = with(measureBulkSize)},
        {.name = "churn", .title = "locks of ever new names, and prune", .run = with(measureChurn)},
    };
}

} // namespace Leasehold::Bench
