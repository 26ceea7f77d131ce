#pragma once

#include "Leasehold/Clock.h"
#include "Leasehold/Durations.h"
#include "Leasehold/FakeFaults.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace Leasehold
{

class StoreRegistry;

struct FakeElasticsearchOptions
{
    std::uint16_t port = 0; ///< 0: any that is free
    /// The server's time passes along with this clock: a test's ManualClock, or Clock::system(). Empty: it stands still unless it
    /// is advanced.
    std::shared_ptr<const Clock> clock{};
    std::uint64_t seed = 1; ///< of the faults by chance
};

/// An HTTP server on the loopback that answers what ElasticsearchLockStore sends as a node of Elasticsearch or OpenSearch does:
/// for tests and samples, with nothing installed. It runs no scripts; it knows ours by their text and applies LeaseRules. A
/// request beyond what the store needs is answered 501, never wrongly.
///
/// Its data lies in memory and goes with it. Its clock is its own: it starts at the present time, and tests move it. Nothing
/// waits at destruction: hanging requests are given up. Thread-safe.
class FakeElasticsearchServer
{
public:
    /// Listens when it returns. Throws Poco::Exception if it cannot.
    explicit FakeElasticsearchServer(FakeElasticsearchOptions options = {});
    ~FakeElasticsearchServer();
    FakeElasticsearchServer(const FakeElasticsearchServer&) = delete;
    FakeElasticsearchServer& operator=(const FakeElasticsearchServer&) = delete;

    /// "http://127.0.0.1:PORT"; the same after stop and start.
    std::string url() const;

    /// The server's clock.
    StorageTime now() const;
    /// Moves the server's clock, also backwards.
    void advance(Milliseconds span);

    FakeFaults& faults();

    /// Refuses connections and closes those that are open. The data stays.
    void stop();
    /// Listens again, on the same port. Throws Poco::Exception if another has taken it.
    void start();

    /// How many requests of this kind have arrived, faults included.
    std::size_t requests(FakeRequest request = FakeRequest::any) const;

    struct Answer
    {
        int status = 0;
        std::string contentType{};
        std::string body{};
    };
    /// An operator's request, past the sockets and the faults: to delete the index, or to look at a document. `path` with its query.
    Answer ask(const std::string& method, const std::string& path, const std::string& body = {},
               const std::string& contentType = "application/json");

private:
    struct State;

    const std::unique_ptr<State> _state;
};

/// Adds the type "fake_elasticsearch": the real ElasticsearchLockStore on a fake server. For tests and samples only. With a
/// `server`, all stores share it, as processes share a cluster; else each store has a server of its own whose time is the
/// system's. Key: leasehold.store.fake_elasticsearch.index.
void registerFakeElasticsearchStore(StoreRegistry& registry, std::shared_ptr<FakeElasticsearchServer> server = {});

} // namespace Leasehold
