#include "BareSQLite.h"

#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>

namespace Leasehold::Bench
{
namespace
{

/// SQLite's own handler backs off so far that one of several writers starves for seconds.
int waitALittle(void*, int tries)
{
    static thread_local std::minstd_rand random(std::random_device{}());
    std::this_thread::sleep_for(std::chrono::microseconds(100 + random() % 1000));
    return tries < 100'000;
}

} // namespace

BareSQLite::BareSQLite(const std::string& path, bool syncGrants) : _syncGrants(syncGrants)
{
    sqlite3* database = nullptr;
    const int opened = sqlite3_open(path.c_str(), &database);
    _database.reset(database);
    if (opened != SQLITE_OK)
        fail();
    sqlite3_busy_handler(database, waitALittle, nullptr);
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
}

void BareSQLite::acquire(const std::string& name)
{
    synchronous(_syncGrants);
    run(_begin);
    bind(_find, 1, name);
    run(_find);
    bind(_write, 1, name);
    sqlite3_bind_int64(_write.get(), 2, ++_fence);
    run(_write);
    run(_commit);
}

void BareSQLite::release(const std::string& name)
{
    synchronous(false);
    run(_begin);
    bind(_find, 1, name);
    run(_find);
    bind(_expire, 1, name);
    run(_expire);
    run(_commit);
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

void BareSQLite::bind(const Statement& statement, int at, const std::string& text)
{
    sqlite3_bind_text(statement.get(), at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

void BareSQLite::run(const Statement& statement)
{
    const int result = sqlite3_step(statement.get());
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        fail();
    sqlite3_reset(statement.get());
}

void BareSQLite::fail() const
{
    throw std::runtime_error(std::string("bare SQLite: ") + sqlite3_errmsg(_database.get()));
}

} // namespace Leasehold::Bench
