#pragma once

#include "Leasehold/LockStore.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

class StoreRegistry;
class StoreFile;

/// What a power failure may undo.
enum class SQLiteDurability
{
    full,  ///< nothing that was granted: each grant waits for the disk
    normal ///< the last grants, so that a fence may be given again after it; quicker
};

/// Where a SQLiteLockStore reads the time of its host. Empty: the system's own. They are here for tests; each may be called from
/// any thread.
struct SQLiteHostClocks
{
    std::function<std::string()> bootId{};                      ///< of the running kernel: another one after each boot
    std::function<std::chrono::nanoseconds()> boottime{};       ///< CLOCK_BOOTTIME as this process sees it
    std::function<std::chrono::nanoseconds()> boottimeOffset{}; ///< what this process's time namespace adds to the host's
    std::function<std::chrono::microseconds()> wallClock{};     ///< since 1970
};

/// What a SQLiteLockStore is made of. Set by name.
struct SQLiteOptions
{
    std::string path{}; ///< the database file; a relative one is taken from the directory that is current at construction
    SQLiteDurability durability = SQLiteDurability::full;
    SQLiteHostClocks clocks{};
    /// The type number (`statfs`) of the file system that a path lies on. Empty: the system's answer. For tests.
    std::function<std::uint64_t(const std::string& path)> fileSystemType{};
};

/// Locks in one SQLite file: for the processes of one host, without a server.
///
/// Expiry is judged by the host's boot clock, which no step of the wall clock moves; see backends/sqlite/README.md for the
/// guarantees and limits. Thread-safe. A forked child must make a store of its own: every call of an inherited one throws
/// LockStoreError there, and destroying it does nothing.
class SQLiteLockStore : public LockStore
{
public:
    /// Does not touch the file. Throws LockConfigurationError if the path names no file.
    explicit SQLiteLockStore(SQLiteOptions options);
    ~SQLiteLockStore() override;
    SQLiteLockStore(const SQLiteLockStore&) = delete;
    SQLiteLockStore& operator=(const SQLiteLockStore&) = delete;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override;
    ReleaseStatus release(const LeaseRef& lease, const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::string engine(const CallContext& context) override;

private:
    const SQLiteDurability _durability;
    std::unique_ptr<StoreFile> _file;
};

/// Type "sqlite", with the keys `path` (required) and `durability` (full or normal).
void registerSQLiteStore(StoreRegistry& registry);

} // namespace Leasehold
