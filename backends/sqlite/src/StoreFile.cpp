#include "StoreFile.h"

#include "CreationLock.h"
#include "FileNameCheck.h"
#include "FileSystemCheck.h"
#include "WaitBudget.h"
#include "storePath.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace Leasehold
{
namespace
{

/// Sets the wait budget of a connection for the duration of one call.
class BudgetScope
{
public:
    BudgetScope(SqliteConnection& connection, const WaitBudget& budget) : _connection(connection) { connection.setWaitBudget(&budget); }
    ~BudgetScope() { _connection.setWaitBudget(nullptr); }
    BudgetScope(const BudgetScope&) = delete;
    BudgetScope& operator=(const BudgetScope&) = delete;

private:
    SqliteConnection& _connection;
};

enum class Occupant
{
    nothing, ///< no file, or an empty one
    file
};

Occupant occupantOf(const std::string& path)
{
    struct stat about = {};
    if (::stat(path.c_str(), &about) != 0)
        return Occupant::nothing; // SQLite fails for the same reason, with a better message
    if (S_ISDIR(about.st_mode))
        throw LockStoreError("sqlite store " + path + ": this is a directory; name a file in it");
    if (!S_ISREG(about.st_mode))
        throw LockStoreError("sqlite store " + path + ": this is not a regular file; name another path");
    return about.st_size == 0 ? Occupant::nothing : Occupant::file;
}

/// A removed database may have left its -shm file behind, which processes with the old file still open use. SQLite would apply its content
/// to the new file.
void removeRemains(const std::string& path)
{
    std::error_code ignored; // SQLite reports a file that cannot be removed when it opens it
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored)))
        return;
    std::filesystem::remove(path + "-wal", ignored);
    std::filesystem::remove(path + "-shm", ignored);
}

/// SQLite would create the file without the group's right to write, even if the umask allows it, and -wal and -shm get the rights of the
/// database. mknod creates the file without opening it, because closing a descriptor would end this process's locks on the file.
void createAsUmaskAllows(const std::string& path)
{
    constexpr mode_t everybody = 0666;
    static_cast<void>(::mknod(path.c_str(), S_IFREG | everybody, 0)); // SQLite reports a failure with a better message
}

bool mayOnlyRead(const std::string& path)
{
    return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0 && (errno == EACCES || errno == EROFS);
}

LocalTime bootTime(const HostNow& now)
{
    return LocalTime(Milliseconds(now.rule.ms));
}

[[noreturn]] void throwVanished(const std::string& path)
{
    throw FileVanished("sqlite store " + path +
                       ": the file was removed or replaced while it was in use; the leases in it are lost, and the next call opens the "
                       "file that is there then. Stop all that use a lock database before it is moved or restored");
}

} // namespace

StoreFile::StoreFile(SQLiteOptions options, BatchQueue& writing) :
    _options(std::move(options)), _place("sqlite store " + path()),
    _readers(_place, {.requests = 1, .hangsAfter = forever, .requestsEndSoon = true}, {}), _writing{.writes = true, .queue = writing},
    _reading{.writes = false, .queue = _readers}
{
    ForkHandlers::add(*this);
}

StoreFile::~StoreFile()
{
    if (!_fork.isForeign())
    {
        ForkHandlers::remove(*this);
        if (_writing.connection)
            _writing.connection->sqlite.shortenLog();
        return;
    }
    // SQLite's state belongs to the parent, so do not touch it.
    static_cast<void>(_writing.connection.release());
    static_cast<void>(_reading.connection.release());
}

void StoreFile::makeReady(const CallContext& context)
{
    _fork.requireNative(_place);
    if (mayOnlyRead(path()))
        return read(context, [](LockTable&, const HostNow&) {});
    _writing.queue.takeTurn(context,
                            [&]
                            {
                                const WaitBudget budget(context);
                                if (_writing.connection && !_writing.connection->place.isUnchanged())
                                    leave(_writing);
                                if (!_writing.connection)
                                    open(_writing, budget);
                            });
}

void StoreFile::requireGrantsAllowed(const HostNow& now) const
{
    if (_otherLink.load(std::memory_order_relaxed))
        FileNameCheck::requireOneLink(path()); // the link may have been removed
    _vanished.requireGrantsAllowed(_place, bootTime(now));
}

void StoreFile::perform(Lane& lane, const CallContext& context, const Work& work)
{
    _fork.requireNative(_place);
    lane.queue.takeTurn(context,
                        [&]
                        {
                            const WaitBudget budget(context);
                            use(lane, budget,
                                [&](StoreConnection& connection)
                                {
                                    const SqliteTransaction transaction(connection.sqlite);
                                    begin(lane);
                                    work(connection.table, connection.clock.now());
                                    requireUnchanged(lane);
                                    connection.sqlite.commit();
                                });
                        });
}

void StoreFile::write(Batch& batch, const Judge& judge)
{
    const WaitBudget budget(batch.context());
    Grants grants;
    bool isCommitted = false;
    const auto attempt = [&](StoreConnection& connection)
    {
        grants.clear();
        try
        {
            const SqliteTransaction transaction(connection.sqlite);
            begin(_writing);
            // Take the steps only now: while another process holds the file, each call waits by its own deadline.
            if (!judgeAll(batch.steps(), judge, budget, grants))
                return;
            requireUnchanged(_writing);
            connection.sqlite.commit();
            isCommitted = true;
        }
        catch (const LockStoreError&)
        {
            batch.nothingWasSent(); // the transaction is rolled back
            throw;
        }
    };
    while (!isCommitted)
        use(_writing, budget, attempt);
    if (grants.empty())
        return;
    batch.deliver(); // calls without a grant do not wait for the disk
    try
    {
        _writing.connection->sqlite.syncLog();
    }
    catch (const LockStoreError&)
    {
        _writing.connection.reset();
        throw;
    }
    for (auto& [step, reply] : grants)
        step->reply(std::move(reply));
}

// False: a step failed, so the transaction must begin again without it.
bool StoreFile::judgeAll(std::span<BatchStep* const> steps, const Judge& judge, const WaitBudget& budget, Grants& grants)
{
    auto& connection = *_writing.connection;
    const auto now = connection.clock.now();
    for (auto* const step : steps)
    {
        if (step->failure())
            continue;
        step->forgetOutcome();
        try
        {
            if (auto grant = judge(*step, connection.table, now))
                grants.emplace_back(step, std::move(*grant));
        }
        catch (const LockStoreError& problem)
        {
            if (budget.isSpent() || !connection.place.isUnchanged())
                throw;
            step->fail(problem);
            return false;
        }
    }
    return true;
}

// Opens the file if it is not open, calls `use` with the connection, and notices that the file has vanished.
template <typename Use>
void StoreFile::use(Lane& lane, const WaitBudget& budget, const Use& use)
{
    if (!lane.connection)
        open(lane, budget);
    const auto closeIfBroken = [&lane]
    {
        if (lane.connection->sqlite.isBroken())
            lane.connection.reset();
    };
    try
    {
        const BudgetScope scope(lane.connection->sqlite, budget);
        use(*lane.connection);
    }
    catch (const FileVanished&)
    {
        leave(lane);
        throw;
    }
    catch (const LockStoreError&)
    {
        if (!lane.connection->place.isUnchanged())
        {
            leave(lane);
            throwVanished(path());
        }
        closeIfBroken();
        throw;
    }
    closeIfBroken();
}

void StoreFile::begin(Lane& lane) const
{
    if (lane.writes)
        lane.connection->sqlite.beginWrite();
    else
        lane.connection->sqlite.beginRead();
    lane.connection->table.requireSchema();
}

// Must be called before each commit.
void StoreFile::requireUnchanged(Lane& lane)
{
    auto& place = lane.connection->place;
    if (!place.isUnchanged())
        throwVanished(path());
    if (lane.writes)
        _otherLink.store(place.hasOtherLink(), std::memory_order_relaxed);
}

void StoreFile::open(Lane& lane, const WaitBudget& budget)
{
    auto connection = connect(lane.writes ? StoreConnection::Access::write : StoreConnection::Access::read, budget);
    const BudgetScope scope(connection->sqlite, budget);
    if (lane.writes)
        leaveOtherFile(connection->place.id(), budget);
    arrive(*connection);
    lane.connection = std::move(connection);
}

std::unique_ptr<StoreConnection> StoreFile::connect(StoreConnection::Access access, const WaitBudget& budget)
{
    using IfMissing = SqliteConnection::IfMissing;
    FileSystemCheck::requireFit(path(), _options.fileSystemType);
    const auto occupant = occupantOf(path());
    FileNameCheck::requireOneName(path());
    if (const auto file = FileId::of(path()))
        ForkHandlers::requireNotInherited(*file, path());
    if (occupant == Occupant::nothing)
    {
        const auto place = behindLinks(path());
        const CreationLock lock(place, budget);
        if (lock.isHeld())
            removeRemains(place);
        createAsUmaskAllows(place);
        return std::make_unique<StoreConnection>(path(), IfMissing::create, access, _options.clocks, budget);
    }
    try
    {
        return std::make_unique<StoreConnection>(path(), IfMissing::fail, access, _options.clocks, budget);
    }
    catch (const LockStoreError&)
    {
        if (occupantOf(path()) != Occupant::nothing)
            throw;
        throw LockStoreUnavailable(_place + ": the file was removed while it was being opened; try again");
    }
}

/// The reading connection may still have an older file open. Then its leases must be carried over before the first grant in the new file.
/// A writer's turn waits for a reader's turn here; a reader never waits for a writer, so there is no deadlock.
void StoreFile::leaveOtherFile(const FileId& current, const WaitBudget& budget)
{
    _reading.queue.takeTurn(budget.context(),
                            [&]
                            {
                                if (_reading.connection && _reading.connection->place.id() != current)
                                    leave(_reading);
                            });
}

/// Copies the leases of vanished files into a file before its first use, so that no lock is granted whose earlier holder may not know of
/// its loss.
void StoreFile::arrive(StoreConnection& connection)
{
    const auto now = connection.clock.now();
    std::vector<LockTable::Row> carried;
    {
        const std::lock_guard lock(_mutex);
        _vanished.found(connection.place.identity(), bootTime(now));
        carried = _carried;
    }
    if (carried.empty() || connection.sqlite.isReadOnly()) // a process without the right to write grants nothing
        return;
    const SqliteTransaction transaction(connection.sqlite);
    connection.sqlite.beginWrite();
    connection.table.requireSchema();
    connection.table.adopt(carried, now);
    connection.sqlite.commit();
}

/// Closes a file whose name now belongs to another file or to none, and remembers its live leases: an unlinked file can be read while it is
/// open.
void StoreFile::leave(Lane& lane)
{
    const auto connection = std::move(lane.connection);
    const auto now = connection->clock.now();
    std::vector<LockTable::Row> rows;
    bool known = false;
    try
    {
        const SqliteTransaction transaction(connection->sqlite);
        connection->sqlite.beginRead();
        rows = connection->table.liveRows(now);
        known = true;
    }
    catch (const LockStoreError&)
    {
        // No need to report it: VanishedStorageGuard refuses grants until all leases of the file have ended.
    }
    const std::lock_guard lock(_mutex);
    if (_vanished.identity() == connection->place.identity())
        known ? _vanished.carriedOver() : _vanished.missing(bootTime(now));
    std::erase_if(_carried, [&](const auto& row) { return !connection->table.isLive(row, now); });
    _carried.insert(_carried.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
}

void StoreFile::beforeFork()
{
    _inUseAtFork = false;
    for (auto* lane : {&_writing, &_reading})
    {
        if (lane->queue.holdForFork())
            _inUseAtFork = true;
        else
            lane->connection.reset();
    }
}

void StoreFile::afterFork()
{
    _reading.queue.resumeAfterFork();
    _writing.queue.resumeAfterFork();
}

std::optional<FileId> StoreFile::openFile()
{
    if (!_inUseAtFork)
        return std::nullopt;
    return FileId::of(path()); // by name, because a connection that is just being opened has no identity yet
}

} // namespace Leasehold
