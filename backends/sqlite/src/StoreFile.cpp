#include "StoreFile.h"

#include "CreationLock.h"
#include "FileSystemCheck.h"
#include "Patience.h"
#include "StoreConnection.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace Leasehold
{
namespace
{

constexpr std::size_t mostReaders = 3;

/// Lets a connection wait on behalf of one call.
class Serving
{
public:
    Serving(SqliteConnection& connection, const Patience& patience) : _connection(connection) { connection.serve(&patience); }
    ~Serving() { _connection.serve(nullptr); }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;

private:
    SqliteConnection& _connection;
};

enum class Occupant
{
    nothing, ///< or an empty file
    file
};

Occupant occupantOf(const std::string& path)
{
    struct stat about = {};
    if (::stat(path.c_str(), &about) != 0)
        return Occupant::nothing; // what hinders us from seeing it will hinder SQLite too, which says so better
    if (S_ISDIR(about.st_mode))
        throw LockStoreError("sqlite store " + path + ": this is a directory; name a file in it");
    if (!S_ISREG(about.st_mode))
        throw LockStoreError("sqlite store " + path + ": this is not a regular file; name another path");
    return about.st_size == 0 ? Occupant::nothing : Occupant::file;
}

/// A database that was removed may have left its -shm behind, in which processes that still have the old file open describe the
/// old file. SQLite would believe it.
void removeRemains(const std::string& path)
{
    std::error_code ignored; // a file that cannot be removed now is reported when SQLite opens it
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored)))
        return;
    std::filesystem::remove(path + "-wal", ignored);
    std::filesystem::remove(path + "-shm", ignored);
}

} // namespace

StoreFile::StoreFile(SQLiteOptions options) : _options(std::move(options)), _process(::getpid()), _writers(1), _readers(mostReaders)
{
    ForkWatch::add(*this);
}

StoreFile::~StoreFile()
{
    if (_process == ::getpid())
    {
        ForkWatch::remove(*this);
        return;
    }
    _writers.abandon();
    _readers.abandon();
}

void StoreFile::write(const CallContext& context, SqliteConnection::Commit commit, Answer answer, const Step& step)
{
    requireOwnProcess();
    const Patience patience(context);
    auto slot = writer(patience);
    auto& connection = *slot.connection;
    const auto run = [&]
    {
        const Serving serving(connection.sqlite, patience);
        const SqliteTransaction transaction(connection.sqlite);
        connection.sqlite.beginWrite(commit);
        connection.table.requireSchema();
        step(connection.table, connection.clock.now());
        if (!connection.place.isUnchanged(FilePlace::Look::quick))
            return false;
        connection.sqlite.commit();
        // Only now is it sure that the lease is in the file that everybody sees.
        return answer == Answer::noLease || connection.place.isUnchanged();
    };
    bool isThere = false;
    try
    {
        isThere = run();
    }
    catch (const LockStoreError&)
    {
        if (connection.place.isUnchanged())
        {
            if (connection.sqlite.isBroken())
                slot.connection.reset();
            throw;
        }
    }
    if (isThere)
        return;
    leave(slot);
    throwVanished();
}

void StoreFile::read(const CallContext& context, const Step& step)
{
    requireOwnProcess();
    const Patience patience(context);
    {
        auto slot = reader(patience);
        auto& connection = *slot.connection;
        try
        {
            const Serving serving(connection.sqlite, patience);
            const SqliteTransaction transaction(connection.sqlite);
            connection.sqlite.beginRead();
            connection.table.requireSchema();
            step(connection.table, connection.clock.now());
            connection.sqlite.commit();
            if (connection.place.isUnchanged())
                return;
        }
        catch (const LockStoreError&)
        {
            if (connection.place.isUnchanged())
            {
                if (connection.sqlite.isBroken())
                    slot.connection.reset();
                throw;
            }
        }
        slot.connection.reset();
    }
    auto slot = writer(patience); // it may not know yet, and what it has open tells which leases are still believed in
    if (!slot.connection->place.isUnchanged())
        leave(slot);
    throwVanished();
}

void StoreFile::noteTtl(Milliseconds ttl)
{
    _longestTtl = std::max(_longestTtl, ttl);
}

void StoreFile::requireGrantsAllowed(const HostNow& now) const
{
    if (now.rule.ms < _quietUntil)
        throw LockStoreUnavailable(
            "sqlite store " + path() +
            ": the file was replaced, and leases of the old one may still be believed in; nothing is granted for another " +
            formatDuration(Milliseconds(_quietUntil - now.rule.ms)));
}

ConnectionPool::Slot StoreFile::writer(const Patience& patience)
{
    if (patience.isExhausted())
        throw LockStoreUnavailable("sqlite store " + path() + ": " + patience.whyExhausted() + " before anything was done");
    auto slot = _writers.borrow(patience, path());
    if (!slot.connection)
        slot.connection = openWriter(patience);
    return slot;
}

ConnectionPool::Slot StoreFile::reader(const Patience& patience)
{
    if (patience.isExhausted())
        throw LockStoreUnavailable("sqlite store " + path() + ": " + patience.whyExhausted() + " before anything was done");
    auto slot = _readers.borrow(patience, path());
    if (!slot.connection)
    {
        writer(patience); // makes the file ready, and brings over what must be known in it
        slot.connection = open(patience);
    }
    return slot;
}

std::unique_ptr<StoreConnection> StoreFile::openWriter(const Patience& patience)
{
    auto connection = open(patience);
    const Serving serving(connection->sqlite, patience);
    if (_last && _last != connection->place.id() && !_carriedAll)
        _quietUntil = std::max(_quietUntil, connection->clock.now().rule.ms + _longestTtl.count());
    if (!_carried.empty())
        adoptCarried(*connection);
    _last = connection->place.id();
    _carriedAll = false; // from now on there is more in the file
    return connection;
}

std::unique_ptr<StoreConnection> StoreFile::open(const Patience& patience)
{
    FileSystemCheck::requireLocal(path(), _options.fileSystemType);
    if (const auto file = FileId::of(path()))
        ForkWatch::requireNotInherited(*file, path());
    if (occupantOf(path()) == Occupant::nothing)
        return create(patience);
    try
    {
        return std::make_unique<StoreConnection>(path(), SqliteConnection::IfMissing::fail, _options.clocks, patience);
    }
    catch (const LockStoreError&)
    {
        if (occupantOf(path()) != Occupant::nothing)
            throw;
        throw LockStoreUnavailable("sqlite store " + path() + ": the file was removed while it was being opened; try again");
    }
}

std::unique_ptr<StoreConnection> StoreFile::create(const Patience& patience)
{
    const CreationLock lock(path(), patience);
    if (lock.isHeld())
        removeRemains(path());
    return std::make_unique<StoreConnection>(path(), SqliteConnection::IfMissing::create, _options.clocks, patience);
}

void StoreFile::adoptCarried(StoreConnection& connection)
{
    const SqliteTransaction transaction(connection.sqlite);
    connection.sqlite.beginWrite(SqliteConnection::Commit::durable);
    connection.table.requireSchema();
    connection.table.adopt(_carried);
    connection.sqlite.commit();
    if (!connection.place.isUnchanged())
        throwVanished(); // they are kept for the next file
    _carried.clear();
}

/// Gives up a file that is no longer the one that others see, and remembers which leases somebody may still believe in: also
/// an unlinked file can be read as long as it is open.
void StoreFile::leave(ConnectionPool::Slot& writer)
{
    auto& connection = *writer.connection;
    try
    {
        const SqliteTransaction transaction(connection.sqlite);
        connection.sqlite.beginRead();
        auto rows = connection.table.liveRows(connection.clock.now());
        _carried.insert(_carried.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
        _carriedAll = true;
    }
    catch (const LockStoreError&)
    {
        _carriedAll = false; // nothing will be granted for as long as a lease can last; see openWriter
    }
    writer.connection.reset();
    _readers.closeIdle();
}

void StoreFile::throwVanished() const
{
    throw FileVanished("sqlite store " + path() +
                       ": the file was removed or replaced while it was in use; the leases in it are lost, and the next call opens the "
                       "file that is there then. Stop all that use a lock database before it is moved or restored");
}

void StoreFile::requireOwnProcess() const
{
    if (_process != ::getpid())
        throw LockStoreError("sqlite store " + path() +
                             ": it belongs to the parent of this forked process and cannot be used here; make a new one after fork");
}

void StoreFile::beforeFork()
{
    const bool writes = _writers.holdForFork();
    const bool reads = _readers.holdForFork();
    _inUseAtFork = writes || reads;
}

void StoreFile::afterFork()
{
    _readers.resumeAfterFork();
    _writers.resumeAfterFork();
}

std::optional<FileId> StoreFile::openFile()
{
    if (!_inUseAtFork)
        return std::nullopt;
    return FileId::of(path()); // who is just opening it has told nobody yet which file that is
}

} // namespace Leasehold
