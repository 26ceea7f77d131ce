#include "SqliteConnection.h"

#include "Patience.h"
#include "SqliteTrouble.h"

#include <sqlite3.h>

namespace Leasehold
{
namespace
{
/// How many steps of SQLite's machine lie between two looks at the deadline: some tens of microseconds.
constexpr int stepsBetweenLooks = 2000;
} // namespace

SqliteConnection::SqliteConnection(const std::string& path, IfMissing ifMissing, const Patience& patience) :
    _path(path), _patience(&patience)
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

    // When the last connection of all processes closes, SQLite writes the log back and deletes -wal and -shm *by name*. If the
    // file was replaced meanwhile, those names belong to somebody else's database.
    require(sqlite3_db_config(_handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr));
    require(sqlite3_db_config(_handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr));
    require(sqlite3_db_config(_handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr));
    _beginWrite.emplace(*this, "BEGIN IMMEDIATE");
    _beginRead.emplace(*this, "BEGIN");
    _end.emplace(*this, "COMMIT");
    _undo.emplace(*this, "ROLLBACK");
}

void SqliteConnection::close() noexcept
{
    _beginWrite.reset();
    _beginRead.reset();
    _end.reset();
    _undo.reset();
    _patience = nullptr;
    sqlite3_close_v2(_handle); // a transaction that is open is rolled back
    _handle = nullptr;
}

void SqliteConnection::beginWrite(Commit commit)
{
    if (_commit != commit) // it cannot be changed inside a transaction, and asking for it each time costs
    {
        run(commit == Commit::durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        _commit = commit;
    }
    _beginWrite->execute().run();
}

void SqliteConnection::beginRead()
{
    _beginRead->execute().run();
}

void SqliteConnection::commit()
{
    _end->execute().run();
}

void SqliteConnection::rollback() noexcept
{
    if (!_handle || sqlite3_get_autocommit(_handle) != 0)
        return;
    const auto* patience = _patience;
    _patience = nullptr; // undoing waits for nobody, and no deadline may stop it
    try
    {
        _undo->execute().run();
    }
    catch (...)
    {
        _broken = true; // what it was undone for is on its way to the caller already
    }
    _patience = patience;
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

void SqliteConnection::require(int code)
{
    if (code != SQLITE_OK)
        fail(code);
}

void SqliteConnection::fail(int code)
{
    const int extended = _handle && (sqlite3_extended_errcode(_handle) & 0xff) == (code & 0xff) ? sqlite3_extended_errcode(_handle) : code;
    if (!leavesConnectionUsable(extended))
        _broken = true;
    throwTrouble(_path, extended, _handle, _patience);
}

int SqliteConnection::onBusy(void* self, int)
{
    const auto* patience = static_cast<SqliteConnection*>(self)->_patience;
    return patience && patience->pause() ? 1 : 0;
}

int SqliteConnection::onProgress(void* self)
{
    const auto* patience = static_cast<SqliteConnection*>(self)->_patience;
    return patience && patience->isExhausted() ? 1 : 0;
}

} // namespace Leasehold
