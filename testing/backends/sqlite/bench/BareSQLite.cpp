#include "BareSQLite.h"

#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

namespace Leasehold::Bench
{
namespace
{

/// A busy handler, because SQLite's own backs off so long that one of several writers starves for seconds.
int waitALittle(void*, int tries)
{
    static thread_local std::minstd_rand random(std::random_device{}());
    std::this_thread::sleep_for(std::chrono::microseconds(100 + random() % 1000));
    return tries < 100'000;
}

} // namespace

BareSQLite::BareSQLite(const std::string& path, std::string name, bool syncGrants) : _name(std::move(name)), _syncGrants(syncGrants)
{
    sqlite3* database = nullptr;
    const int opened = sqlite3_open(path.c_str(), &database);
    _database.reset(database);
    if (opened != SQLITE_OK)
        fail();
    sqlite3_busy_handler(database, waitALittle, nullptr);
    execute("PRAGMA page_size = 2048"); // as the store
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = NORMAL");
    execute("CREATE TABLE IF NOT EXISTS locks (name TEXT PRIMARY KEY, token TEXT, fence INTEGER, standing INTEGER, acquired_wall INTEGER,"
            " boot_id TEXT, expires_boot INTEGER, expires_wall INTEGER, ttl INTEGER, metadata TEXT) WITHOUT ROWID");
    _begin = prepare("BEGIN IMMEDIATE");
    _commit = prepare("COMMIT");
    _find = prepare("SELECT token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl FROM locks WHERE name = ?1");
    _write = prepare("REPLACE INTO locks VALUES (?1, '0123456789abcdef0123456789abcdef', ?2, 0, 1764000000000,"
                     " '00000000-0000-0000-0000-000000000000', 1000000, 1764000030000, 30000, '{}')");
    _expire = prepare("UPDATE locks SET standing = 2, expires_boot = 1000001, expires_wall = 1764000030001 WHERE name = ?1");
    for (const auto* const statement : {&_find, &_write, &_expire})
        bindName(*statement);
}

bool BareSQLite::pair()
{
    if (!acquire())
        return false;
    release();
    return true;
}

bool BareSQLite::acquire()
{
    synchronous(_syncGrants);
    run(_begin);
    const bool isHeld = findIsHeld();
    if (!isHeld)
    {
        sqlite3_bind_int64(_write.get(), 2, ++_fence);
        run(_write);
    }
    run(_commit);
    return !isHeld;
}

void BareSQLite::release()
{
    synchronous(false);
    run(_begin);
    if (!findIsHeld())
        throw std::runtime_error("bare SQLite: a lock was not held at its release");
    run(_expire);
    run(_commit);
}

/// The column `standing` is 0 while the lock is held, and 2 after its release.
bool BareSQLite::findIsHeld()
{
    const bool isHeld = step(_find) && sqlite3_column_int(_find.get(), 2) == 0;
    sqlite3_reset(_find.get());
    return isHeld;
}

void BareSQLite::synchronous(bool full)
{
    if (full != _isFull)
        execute(full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    _isFull = full;
}

void BareSQLite::execute(const char* sql)
{
    if (sqlite3_exec(_database.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        fail();
}

BareSQLite::Statement BareSQLite::prepare(const char* sql)
{
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(_database.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
        fail();
    return Statement(statement);
}

void BareSQLite::bindName(const Statement& statement)
{
    sqlite3_bind_text(statement.get(), 1, _name.data(), static_cast<int>(_name.size()), SQLITE_STATIC);
}

/// Returns whether there is a row.
bool BareSQLite::step(const Statement& statement)
{
    const int result = sqlite3_step(statement.get());
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        fail();
    return result == SQLITE_ROW;
}

void BareSQLite::run(const Statement& statement)
{
    step(statement);
    sqlite3_reset(statement.get());
}

void BareSQLite::fail() const
{
    throw std::runtime_error(std::string("bare SQLite: ") + sqlite3_errmsg(_database.get()));
}

} // namespace Leasehold::Bench
