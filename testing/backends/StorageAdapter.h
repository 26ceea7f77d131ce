#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// The server of a storage that talks over a network.
class StorageServer
{
public:
    virtual ~StorageServer() = default;

    /// The port of the loopback on which it listens; the same after restart().
    virtual int port() const = 0;
    /// The URL of the storage that the last emptyStorage() made, with another port: that of a proxy.
    virtual std::string urlThrough(int port) const = 0;
    /// Sends SIGKILL, and returns when the server has ended.
    virtual void kill() = 0;
    /// Starts it again with its data; returns when it answers.
    virtual void restart() = 0;
    /// Deletes the last storage, as an operator would.
    virtual void deleteStorage() = 0;
};

/// The only interface by which the suites of endtoend and faults use a storage. Each store has an adapter in testing/backends/NAME. Made
/// and used on the main thread. Every function throws if it fails.
class StorageAdapter
{
public:
    virtual ~StorageAdapter() = default;

    /// Name and version, for people.
    virtual std::string name() const = 0;
    /// Returns the URL of a new, empty storage; another one for each call. The storage is warm: later calls are not faster.
    virtual std::string emptyStorage() = 0;
    /// The lines of a configuration file for the last storage, without the type of the store.
    virtual std::string properties() const = 0;

    /// The number of tables or indices that the last storage has, and the number after the store has prepared it.
    virtual std::size_t countTables() = 0;
    virtual std::size_t tablesWhenPrepared() const { return 1; }

    /// Until thaw(), the storage answers nothing and refuses nothing. thaw() may be called without freeze().
    virtual void freeze() = 0;
    virtual void thaw() = 0;
    /// The number of undisturbed trials with a frozen storage in the end-to-end test.
    virtual int hangTrials() const = 0;

    /// nullptr: the store needs no server.
    virtual StorageServer* server() { return nullptr; }
};

/// One storage that a program tests, for example a server in one version.
struct StorageKind
{
    std::string name{}; ///< in the names of the tests
    std::string type{}; ///< of the store, in a configuration
    bool hasServer = false;
    std::function<std::unique_ptr<StorageAdapter>()> start{};
};

/// All storages of this program. leasehold_store_tests generates the definition.
const std::vector<StorageKind>& storageKinds();

/// The adapter of this kind that the whole program shares. The first call starts it.
StorageAdapter& sharedStorage(const StorageKind& kind);

} // namespace Leasehold
