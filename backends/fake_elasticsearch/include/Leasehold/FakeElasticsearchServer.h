#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/FakeFaults.h"
#include "Leasehold/TimeSource.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace Leasehold
{

class StoreRegistry;

/// What a FakeElasticsearchServer is made with. Set by name.
struct FakeElasticsearchOptions
{
    std::uint16_t port = 0; ///< 0: any that is free
    /// The server's clock follows this clock: a test's ManualClock, or TimeSource::system(). Empty: it moves only by advance.
    std::shared_ptr<const TimeSource> clock{};
    std::uint64_t seed = 1; ///< of random faults
};

/// An in-process fake Elasticsearch server, for tests and samples that have no engine. It is an HTTP server on the loopback and answers the
/// requests of ElasticsearchLockStore as Elasticsearch and OpenSearch do. It runs no scripts: it recognises the store's scripts by their
/// text and applies LeaseRules. It answers 501 to requests that the store does not need.
///
/// Its data is in memory and ends with it. Its own clock starts at the present time, and tests move it. Its destructor does not wait for
/// hanging requests. Thread-safe.
///
/// Tests on it, samples/fake_elasticsearch/OutageTest.cpp:
/// @include fake_elasticsearch/OutageTest.cpp
class LEASEHOLD_EXPORT FakeElasticsearchServer
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

    /// The faults of later requests.
    FakeFaults& faults();

    /// Refuses connections and closes those that are open. The data stays.
    void stop();
    /// Listens again, on the same port. Throws Poco::Exception if another program has taken it.
    void start();

    /// How many requests of this kind have arrived, faults included.
    std::size_t requests(FakeRequest request = FakeRequest::any) const;

    /// What the server answered.
    struct Answer
    {
        int status = 0;            ///< of HTTP
        std::string contentType{}; ///< of the body
        std::string body{};        ///< JSON, as Elasticsearch writes it
    };
    /// Carries out a request without sockets and faults, as an operator would: to delete the index, or to read a document. `path` with its
    /// query.
    Answer ask(const std::string& method, const std::string& path, const std::string& body = {},
               const std::string& contentType = "application/json");

private:
    struct State;

    const std::unique_ptr<State> _state;
};

/// Adds the type "fake_elasticsearch": the real ElasticsearchLockStore on a fake server. For tests and samples only. With a
/// `server`, all stores share it, as processes share a cluster; else each store has a server of its own whose time is the
/// system's. Key: leasehold.store.fake_elasticsearch.index.
LEASEHOLD_EXPORT void registerFakeElasticsearchStore(StoreRegistry& registry, std::shared_ptr<FakeElasticsearchServer> server = {});

} // namespace Leasehold
