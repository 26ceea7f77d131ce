#pragma once

#include "Scenario.h"
#include "StorageAdapter.h"

#include "Leasehold/Store/LockStore.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace Leasehold::Bench
{

/// The raw limit of one client: it sends what every client of the storage must send, on a connection of its own, and does nothing more.
/// Used by one thread.
class BareClient
{
public:
    virtual ~BareClient() = default;

    /// Acquires its lock and releases it, by the requests that the store sends. Returns false, and releases nothing, if another client
    /// holds the lock. Throws for every other answer.
    virtual bool pair() = 0;
};

/// The raw limit of many clients.
class BareLoad
{
public:
    virtual ~BareLoad() = default;

    /// What sends the requests, for the report.
    virtual std::string name() const = 0;
    /// Pairs of acquire and release per second, measured for `slice`. Each pair has its own lock.
    virtual double pairsPerSecond(Seconds slice) = 0;
};

/// The targets of one storage, all optional: a figure without a target is measured too. Set by name.
struct Targets
{
    std::optional<Target> pair{}; ///< pairs per second of one thread, of the bare client's rate

    struct Threads
    {
        std::size_t count = 1;
        std::optional<Target> pairs{}; ///< pairs per second, of the rate of bareLoad()
    };
    std::vector<Threads> threads{{.count = 16}, {.count = 64}, {.count = 256}}; ///< the numbers of threads that are measured

    std::optional<Target> contention{}; ///< grants per second of one lock that 16 threads want, of 16 bare clients' rate
    std::optional<double> keeping{};    ///< at most so many requests per second for 10,000 locks
    std::optional<double> handOver{};   ///< at most so many milliseconds from a release to the grant of another process: the median
    std::optional<double> command{};    ///< at most so many times the duration of `flock FILE true`
};

/// What the benchmark needs of a storage besides its adapter. A store writes one, in testing/backends/NAME/bench; the scenarios of
/// testing/bench then run on it. Its constructor starts nothing. Made and used on the main thread.
class StorageBench
{
public:
    virtual ~StorageBench() = default;

    virtual Targets targets() const = 0;

    /// The name of the bare client, for the report: "the same scripts on a bare connection".
    virtual std::string bareName() const = 0;
    /// A bare client for the lock `name` in the storage of this URL, which the store has prepared. Several clients may have the same lock,
    /// so each pair needs an owner token of its own.
    virtual std::unique_ptr<BareClient> bareClient(const std::string& url, const std::string& name) = 0;
    /// The raw limit for so many threads. By default, so many threads with a bare client each.
    virtual std::unique_ptr<BareLoad> bareLoad(Setting& setting, const std::string& url, std::size_t threads);

    /// The process of the server; its children belong to it. nullopt: the storage is in this process.
    virtual std::optional<pid_t> serverProcess() { return std::nullopt; }
    /// The number of requests or transactions that the storage has carried out, as it counts them itself. nullopt: it does not count them;
    /// then the report has the number of calls of the store.
    virtual std::optional<std::uint64_t> requests() { return std::nullopt; }

    /// Scenarios of this storage only.
    virtual std::vector<Scenario> scenarios() { return {}; }

    /// The adapter of the measured storage. The first call starts it.
    StorageAdapter& storage();
    bool isStarted() const { return _storage != nullptr; }

    /// The URL of a new, empty storage that the store has prepared. It is valid until the next call.
    std::string preparedStorage();

protected:
    /// Starts the storage as in production: warm, and with the usual durability.
    virtual std::unique_ptr<StorageAdapter> start() = 0;

private:
    std::unique_ptr<StorageAdapter> _storage;
};

/// The store of this URL, with its defaults.
std::shared_ptr<LockStore> openStore(const std::string& url);

/// One storage that the benchmark measures, for example a server in one version.
struct BenchKind
{
    std::string name{}; ///< the first word of the names of its scenarios
    bool hasServer = false;
    bool isOneProcess = false; ///< no other process sees its locks
    bool isUsual = false;      ///< measured unless the command line names the storages
    std::function<std::unique_ptr<StorageBench>()> make{};
};

/// All storages of this program. leasehold_benches generates the definition.
const std::vector<BenchKind>& benchKinds();

} // namespace Leasehold::Bench
