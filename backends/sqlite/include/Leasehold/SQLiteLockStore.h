#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/BatchedLockStore.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

class LockTable;
class StoreFile;
class StoreRegistry;
struct HostNow;

/// Which grants a power failure may undo.
enum class SQLiteDurability
{
    full,  ///< none: each grant waits for the disk
    normal ///< the last ones, so a fence may be granted twice; faster
};

/// The clocks of a SQLiteLockStore, for tests. Empty: the system's clocks. Each function may be called from any thread.
struct SQLiteHostClocks
{
    std::function<std::string()> bootId{};                      ///< of the running kernel; each boot has another one
    std::function<std::chrono::nanoseconds()> boottime{};       ///< CLOCK_BOOTTIME in this process's time namespace
    std::function<std::chrono::nanoseconds()> boottimeOffset{}; ///< the offset of this process's time namespace to the host
    std::function<std::chrono::microseconds()> wallClock{};     ///< since 1970
};

/// The options of a SQLiteLockStore. Set by name.
struct SQLiteOptions
{
    std::string path{}; ///< the database file; a relative one is taken from the directory that is current at construction
    SQLiteDurability durability = SQLiteDurability::full; ///< what a power failure may undo
    SQLiteHostClocks clocks{};                            ///< where it reads the time of its host; for tests
    /// The type number (`statfs`) of the file system that a path lies on. Empty: the system's answer. For tests.
    std::function<std::uint64_t(const std::string& path)> fileSystemType{};
};

/// Locks in one SQLite file: for the processes of one host, without a server.
///
/// The host's boot clock judges expiry: steps of the wall clock do not change it. backends/sqlite/README.md has the guarantees and limits.
/// Thread-safe. A forked child must make its own store: every call of an inherited one throws LockStoreError, and its destructor does
/// nothing.
class LEASEHOLD_EXPORT SQLiteLockStore : public BatchedLockStore
{
public:
    /// Does not touch the file. Throws LockConfigurationError if the path names no file.
    explicit SQLiteLockStore(SQLiteOptions options);
    ~SQLiteLockStore() override;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::string engine(const CallContext& context) override;
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override;

protected:
    void carryOut(Batch& batch) override;

private:
    struct Checked
    {
    };
    SQLiteLockStore(SQLiteOptions options, Checked);

    std::optional<AcquireReply> judged(BatchStep& step, LockTable& table, const HostNow& now);

    const SQLiteDurability _durability;
    std::unique_ptr<StoreFile> _file;
};

/// Type "sqlite", with the keys `path` (required) and `durability` (full or normal).
LEASEHOLD_EXPORT void registerSQLiteStore(StoreRegistry& registry);

} // namespace Leasehold
