#pragma once

#include "ConnectionPool.h"
#include "ForkWatch.h"
#include "HostClock.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/SQLiteLockStore.h"
#include "LockTable.h"
#include "SqliteConnection.h"

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace Leasehold
{

/// The file was removed or replaced while it was open: what was just done is undone or worth nothing, and every lease that was
/// taken in it is lost.
class FileVanished : public LockStoreUnavailable
{
public:
    using LockStoreUnavailable::LockStoreUnavailable;
};

/// The database file of one store: opens it, runs steps in transactions, and notices when it is no longer the file that it was.
///
/// One connection writes: SQLite lets one transaction write at a time, and threads that queue here wake each other at once where
/// those that queue in SQLite would poll. Steps are functions so that several could share a transaction. A few more connections
/// read, so that a look at the locks never waits for a writer. Thread-safe.
class StoreFile final : private ForkWatch::Member
{
public:
    /// One part of a transaction. It may be run again if nothing of it was committed.
    using Step = std::function<void(LockTable&, const HostNow&)>;

    /// What hangs on the answer of a step that writes.
    enum class Answer
    {
        aLease, ///< somebody will believe that he holds a lock: the file must still be in place after the commit
        noLease
    };

    explicit StoreFile(SQLiteOptions options);
    ~StoreFile();
    StoreFile(const StoreFile&) = delete;
    StoreFile& operator=(const StoreFile&) = delete;

    const std::string& path() const { return _options.path; }

    /// Runs `step` alone among all processes and commits it. Throws FileVanished, and what SQLite's troubles mean.
    void write(const CallContext& context, SqliteConnection::Commit commit, Answer answer, const Step& step);
    /// Runs `step` on one state of the file.
    void read(const CallContext& context, const Step& step);

    /// To be called by a step that writes: how long somebody may believe in what it writes.
    void noteTtl(Milliseconds ttl);
    /// To be called by a step that grants: throws LockStoreUnavailable while unknown leases of a file that vanished may still be
    /// believed in.
    void requireGrantsAllowed(const HostNow& now) const;

private:
    ConnectionPool::Slot writer(const Patience& patience);
    ConnectionPool::Slot reader(const Patience& patience);
    std::unique_ptr<StoreConnection> openWriter(const Patience& patience);
    std::unique_ptr<StoreConnection> open(const Patience& patience);
    std::unique_ptr<StoreConnection> create(const Patience& patience);
    void adoptCarried(StoreConnection& connection);
    void leave(ConnectionPool::Slot& writer);
    [[noreturn]] void throwVanished() const;
    void requireOwnProcess() const;

    void beforeFork() override;
    void afterFork() override;
    std::optional<FileId> openFile() override;

    const SQLiteOptions _options;
    const pid_t _process;
    ConnectionPool _writers, _readers;
    bool _inUseAtFork = false;

    // Of whoever has the writer.
    std::optional<FileId> _last;          // the file that was open last
    std::vector<LockTable::Row> _carried; // live leases of files that vanished, for the next one
    bool _carriedAll = true;              // nothing of the last file is missing in _carried
    Milliseconds _longestTtl{};
    std::int64_t _quietUntil = 0; // in terms of HostNow::rule.ms
};

} // namespace Leasehold
