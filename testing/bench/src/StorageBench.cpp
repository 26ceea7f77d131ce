#include "StorageBench.h"

#include "ThreadCrew.h"

#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/registerBuiltinStores.h"

#include <stdexcept>

namespace Leasehold::Bench
{
namespace
{

/// A bare client for each thread, and a lock for each client.
class BareThreads : public BareLoad
{
public:
    BareThreads(StorageBench& bench, const std::string& url, std::size_t threads) : _name(bench.bareName() + ", one for each thread")
    {
        for (std::size_t number = 0; number < threads; ++number)
            _clients.push_back(bench.bareClient(url, "bare/" + std::to_string(number)));
    }

    std::string name() const override { return _name; }

    double pairsPerSecond(Seconds slice) override
    {
        return crewRate(_clients.size(), slice,
                        [&](std::size_t number)
                        {
                            if (!_clients[number]->pair())
                                throw std::runtime_error("the lock of a bare client is held by another");
                        })
            .perSecond;
    }

private:
    const std::string _name;
    std::vector<std::unique_ptr<BareClient>> _clients;
};

} // namespace

std::unique_ptr<BareLoad> StorageBench::bareLoad(Setting&, const std::string& url, std::size_t threads)
{
    return std::make_unique<BareThreads>(*this, url, threads);
}

StorageAdapter& StorageBench::storage()
{
    if (!_storage)
        _storage = start();
    return *_storage;
}

std::string StorageBench::preparedStorage()
{
    auto url = storage().emptyStorage();
    openStore(url)->prepare(CallContext::within(std::chrono::seconds(30)));
    return url;
}

std::shared_ptr<LockStore> openStore(const std::string& url)
{
    StoreRegistry registry;
    registerBuiltinStores(registry);
    return registry.open(url);
}

} // namespace Leasehold::Bench
