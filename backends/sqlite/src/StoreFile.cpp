#include "StoreFile.h"

#include "CreationLock.h"
#include "FileSystemCheck.h"
#include "Patience.h"
#include "storePath.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <sys/stat.h>
#include <utility>

namespace Leasehold
{
namespace
{

/// A transaction with more would keep the writers of other processes waiting for too long.
constexpr std::size_t rowsPerTransaction = 1000;

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

[[noreturn]] void throwVanished(const std::string& path)
{
    throw FileVanished("sqlite store " + path +
                       ": the file was removed or replaced while it was in use; the leases in it are lost, and the next call opens the "
                       "file that is there then. Stop all that use a lock database before it is moved or restored");
}

} // namespace

StoreFile::StoreFile(SQLiteOptions options) : _options(std::move(options))
{
    ForkWatch::add(*this);
}

StoreFile::~StoreFile()
{
    if (!_foreign)
    {
        ForkWatch::remove(*this);
        if (_writing.connection)
            _writing.connection->sqlite.shortenLog();
        return;
    }
    // SQLite's state belongs to the parent: not to be touched.
    static_cast<void>(_writing.connection.release());
    static_cast<void>(_reading.connection.release());
}

void StoreFile::makeReady(const CallContext& context)
{
    requireOwnProcess();
    const Patience patience(context);
    const Step nothing = [](LockTable&, const HostNow&) { return Commit::quick; };
    CallQueue::Call call{nothing, patience};
    const auto turn = _writing.queue.enter(call, path());
    if (!turn)
        return;
    if (_writing.connection && !_writing.connection->place.isUnchanged())
        leave(_writing);
    if (!_writing.connection)
        open(_writing, patience);
}

void StoreFile::noteTtl(Milliseconds ttl)
{
    const std::lock_guard lock(_mutex);
    _longestTtl = std::max(_longestTtl, ttl);
}

void StoreFile::requireGrantsAllowed(const HostNow& now) const
{
    const std::lock_guard lock(_mutex);
    if (now.rule.ms < _quietUntil)
        throw LockStoreUnavailable(
            "sqlite store " + path() +
            ": the file was replaced, and leases of the old one may still be believed in; nothing is granted for another " +
            formatDuration(Milliseconds(_quietUntil - now.rule.ms)));
}

void StoreFile::perform(Lane& lane, const CallContext& context, std::size_t rows, const Step& step)
{
    requireOwnProcess();
    const Patience patience(context);
    CallQueue::Call call{step, patience, rows};
    auto turn = lane.queue.enter(call, path());
    if (!turn)
        return;
    if (!lane.connection)
        open(lane, patience);
    try
    {
        const Serving serving(lane.connection->sqlite, patience);
        while (!attempt(lane, *turn))
        {
        }
        return;
    }
    catch (const FileVanished&)
    {
        leave(lane);
        throw;
    }
    catch (const LockStoreError&)
    {
        if (lane.connection->place.isUnchanged())
        {
            if (lane.connection->sqlite.isBroken())
                lane.connection.reset();
            throw;
        }
    }
    leave(lane);
    throwVanished(path());
}

/// One transaction with the steps of all calls whose turn it is. False: nothing was committed, because the step of a call that
/// was taken along failed; that call has been told, and the others are to be run again.
bool StoreFile::attempt(Lane& lane, CallQueue::Turn& turn)
{
    auto& connection = *lane.connection;
    auto& leader = *turn.calls().front();
    const SqliteTransaction transaction(connection.sqlite);
    if (lane.writes)
        connection.sqlite.beginWrite();
    else
        connection.sqlite.beginRead();
    turn.gather(rowsPerTransaction); // only now: while the file is busy each call waits by its own deadline
    connection.table.requireSchema();
    const auto now = connection.clock.now();
    for (auto* call : turn.calls())
    {
        try
        {
            call->commit = call->step(connection.table, now);
        }
        catch (const LockStoreError& error)
        {
            if (call == &leader || leader.patience.isExhausted() || connection.sqlite.isBroken())
                throw;
            turn.answer(*call, &error);
            return false;
        }
    }
    if (!connection.place.isUnchanged())
        throwVanished(path());

    const auto answer = [&](Commit which, const Poco::Exception* failure = nullptr)
    {
        if (turn.calls().size() == 1)
            return; // the leader is alone
        // Those of the turn, now: a call that was answered before is gone from there, and from its thread's stack.
        for (auto* call : std::vector(turn.calls()))
            if (call != &leader && call->commit == which)
                turn.answer(*call, failure);
    };
    try
    {
        connection.sqlite.commit();
    }
    catch (const LockStoreError& error)
    {
        answer(Commit::quick, &error);
        answer(Commit::durable, &error);
        throw;
    }
    const auto& calls = turn.calls();
    const bool mustLast = std::any_of(calls.begin(), calls.end(), [](const auto* call) { return call->commit == Commit::durable; });
    answer(Commit::quick);
    if (!mustLast)
        return true;
    try
    {
        connection.sqlite.syncLog();
    }
    catch (const LockStoreError& error)
    {
        answer(Commit::durable, &error);
        if (leader.commit == Commit::quick)
            return true;
        throw;
    }
    answer(Commit::durable);
    return true;
}

void StoreFile::open(Lane& lane, const Patience& patience)
{
    auto connection = connect(patience);
    const Serving serving(connection->sqlite, patience);
    if (lane.writes)
        leaveOtherFile(connection->place.id(), patience);
    arrive(*connection);
    lane.connection = std::move(connection);
}

std::unique_ptr<StoreConnection> StoreFile::connect(const Patience& patience)
{
    using IfMissing = SqliteConnection::IfMissing;
    FileSystemCheck::requireLocal(path(), _options.fileSystemType);
    if (const auto file = FileId::of(path()))
        ForkWatch::requireNotInherited(*file, path());
    if (occupantOf(path()) == Occupant::nothing)
    {
        const auto place = behindLinks(path());
        const CreationLock lock(place, patience);
        if (lock.isHeld())
            removeRemains(place);
        return std::make_unique<StoreConnection>(path(), IfMissing::create, _options.clocks, patience);
    }
    try
    {
        return std::make_unique<StoreConnection>(path(), IfMissing::fail, _options.clocks, patience);
    }
    catch (const LockStoreError&)
    {
        if (occupantOf(path()) != Occupant::nothing)
            throw;
        throw LockStoreUnavailable("sqlite store " + path() + ": the file was removed while it was being opened; try again");
    }
}

/// The reading connection may have an older file open than the one that will be written to: then its leases are carried over
/// before anything is granted. The turn of a writer waits for that of a reader here, and never the other way round.
void StoreFile::leaveOtherFile(const FileId& current, const Patience& patience)
{
    const Step nothing = [](LockTable&, const HostNow&) { return Commit::quick; };
    CallQueue::Call call{nothing, patience, rowsPerTransaction + 1}; // more than a turn gathers: it gets a turn of its own
    const auto turn = _reading.queue.enter(call, path());
    if (turn && _reading.connection && _reading.connection->place.id() != current)
        leave(_reading);
}

/// Before a file is used: the leases of files that vanished become known in it, so that nobody is granted what somebody may still
/// believe in.
void StoreFile::arrive(StoreConnection& connection)
{
    const auto now = connection.clock.now();
    std::vector<LockTable::Row> carried;
    {
        const std::lock_guard lock(_mutex);
        if (_last && *_last != connection.place.id() && !_lastCarried)
            _quietUntil = std::max(_quietUntil, now.rule.ms + _longestTtl.count());
        _last = connection.place.id();
        _lastCarried = false;
        carried = _carried;
    }
    if (carried.empty())
        return;
    const SqliteTransaction transaction(connection.sqlite);
    connection.sqlite.beginWrite();
    connection.table.requireSchema();
    connection.table.adopt(carried, now);
    connection.sqlite.commit();
}

/// Gives up a file that is no longer the one that others see, and remembers which leases somebody may still believe in: also
/// an unlinked file can be read as long as it is open.
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
        // Not to be told to anybody: nothing will be granted for as long as a lease can last.
    }
    const std::lock_guard lock(_mutex);
    if (_last == connection->place.id())
    {
        _lastCarried = known;
        if (!known) // from now on: the next file may get the number of this one, and arrive would take it for the same
            _quietUntil = std::max(_quietUntil, now.rule.ms + _longestTtl.count());
    }
    std::erase_if(_carried, [&](const auto& row) { return !connection->table.isLive(row, now); });
    _carried.insert(_carried.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
}

void StoreFile::requireOwnProcess() const
{
    if (_foreign.load(std::memory_order_relaxed))
        throw LockStoreError("sqlite store " + path() +
                             ": it belongs to the parent of this forked process and cannot be used here; make a new one after fork");
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

void StoreFile::afterFork(bool inChild)
{
    _foreign = inChild || _foreign;
    _reading.queue.resumeAfterFork();
    _writing.queue.resumeAfterFork();
}

std::optional<FileId> StoreFile::openFile()
{
    if (!_inUseAtFork)
        return std::nullopt;
    return FileId::of(path()); // who is just opening it has told nobody yet which file that is
}

} // namespace Leasehold
