#include "SqliteConnection.h"

#include "Leasehold/Exceptions.h"
#include "SqliteTrouble.h"
#include "WaitBudget.h"

#include <filesystem>
#include <sqlite3.h>

namespace Leasehold
{
namespace
{
/// The number of virtual-machine steps between two checks of the deadline: some tens of microseconds.
constexpr int stepsBetweenLooks = 2000;
} // namespace

SqliteConnection::SqliteConnection(const std::string& path, IfMissing ifMissing, const WaitBudget& budget) : _path(path), _budget(&budget)
{
    try
    {
        open(ifMissing);
    }
    catch (...)
    {
        close();
        throw;
    }
}

SqliteConnection::~SqliteConnection()
{
    close();
}

void SqliteConnection::open(IfMissing ifMissing)
{
    // NOMUTEX: one thread at a time uses a connection. SQLite opens its files with O_CLOEXEC.
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    if (ifMissing == IfMissing::create)
        flags |= SQLITE_OPEN_CREATE;
    require(sqlite3_open_v2(_path.c_str(), &_handle, flags, nullptr));
    require(sqlite3_busy_handler(_handle, &onBusy, this));
    sqlite3_progress_handler(_handle, stepsBetweenLooks, &onProgress, this);

    // When the last connection of all processes closes, SQLite checkpoints the log and deletes -wal and -shm *by name*. If the file was
    // replaced meanwhile, these names belong to another database.
    require(sqlite3_db_config(_handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr));
    require(sqlite3_db_config(_handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr));
    require(sqlite3_db_config(_handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr));
}

void SqliteConnection::close() noexcept
{
    for (auto* statement : {&_beginWrite, &_beginRead, &_end, &_undo})
        statement->forget();
    _budget = nullptr;
    sqlite3_close_v2(_handle); // a transaction that is open is rolled back
    _handle = nullptr;
}

void SqliteConnection::beginWrite()
{
    _beginWrite.execute().run();
}

void SqliteConnection::beginRead()
{
    _beginRead.execute().run();
}

void SqliteConnection::commit()
{
    _end.execute().run();
}

void SqliteConnection::syncLog()
{
    sqlite3_file* log = nullptr;
    require(sqlite3_file_control(_handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log));
    if (log && log->pMethods && log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK)
        return;
    _broken = true; // the content of the disk is unknown
    throw LockStoreUnavailable("sqlite store " + _path +
                               ": the disk did not confirm that it has the change; check its file system, then try again");
}

void SqliteConnection::shortenLog() noexcept
{
    constexpr std::uintmax_t longest = 256 * 1024; // read and checked in a fraction of a millisecond
    std::error_code none;
    const auto length = std::filesystem::file_size(fileName() + "-wal", none);
    if (!none && length > longest)
        sqlite3_wal_checkpoint_v2(_handle, "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                  nullptr); // it fails while others use the log; the next call tries again
}

void SqliteConnection::rollback() noexcept
{
    if (!_handle || sqlite3_get_autocommit(_handle) != 0)
        return;
    const auto* budget = _budget;
    _budget = nullptr; // a rollback waits for no other process, and no deadline may stop it
    try
    {
        _undo.execute().run();
    }
    catch (...)
    {
        _broken = true; // the caller already handles the exception that caused the rollback
    }
    _budget = budget;
}

void SqliteConnection::run(const std::string& sql)
{
    SqliteStatement(*this, sql).execute().run();
}

std::int64_t SqliteConnection::number(const std::string& sql)
{
    SqliteStatement statement(*this, sql);
    auto execution = statement.execute();
    return execution.step() ? execution.number(0) : 0;
}

std::string SqliteConnection::text(const std::string& sql)
{
    SqliteStatement statement(*this, sql);
    auto execution = statement.execute();
    return execution.step() ? execution.text(0) : std::string();
}

bool SqliteConnection::isAtItsPlace()
{
    int moved = 0;
    return sqlite3_file_control(_handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved == 0;
}

std::string SqliteConnection::fileName() const
{
    const char* name = sqlite3_db_filename(_handle, "main");
    return name ? name : _path;
}

bool SqliteConnection::isReadOnly() const
{
    return sqlite3_db_readonly(_handle, "main") == 1;
}

bool SqliteConnection::wasBusy() const
{
    return (_lastFailure & 0xff) == SQLITE_BUSY;
}

void SqliteConnection::require(int code)
{
    if (code != SQLITE_OK)
        fail(code);
}

void SqliteConnection::fail(int code)
{
    const int extended = _handle && (sqlite3_extended_errcode(_handle) & 0xff) == (code & 0xff) ? sqlite3_extended_errcode(_handle) : code;
    _lastFailure = extended;
    if (!leavesConnectionUsable(extended))
        _broken = true;
    throwTrouble(_path, extended, _handle, _budget);
}

int SqliteConnection::onBusy(void* self, int)
{
    const auto* budget = static_cast<SqliteConnection*>(self)->_budget;
    return budget && budget->pause() ? 1 : 0;
}

int SqliteConnection::onProgress(void* self)
{
    const auto* budget = static_cast<SqliteConnection*>(self)->_budget;
    return budget && budget->isSpent() ? 1 : 0;
}

} // namespace Leasehold
