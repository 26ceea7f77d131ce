#include "FencedTable.h"

#include <sqlite3.h>
#include <stdexcept>

namespace
{
constexpr int patienceMs = 5000;
}

void FencedTable::Closer::operator()(sqlite3* database) const noexcept
{
    sqlite3_close(database);
}

FencedTable::FencedTable(const std::string& path)
{
    sqlite3* database = nullptr;
    const int status = sqlite3_open(path.c_str(), &database);
    _database.reset(database);
    if (status != SQLITE_OK)
        throw std::runtime_error("cannot open " + path + ": " + sqlite3_errmsg(database));
    sqlite3_busy_timeout(database, patienceMs);
    run("CREATE TABLE IF NOT EXISTS counter(id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL, fence INTEGER NOT NULL);"
        "INSERT OR IGNORE INTO counter VALUES (1, 0, 0)");
}

FencedTable::~FencedTable() = default;

void FencedTable::run(const std::string& sql)
{
    if (sqlite3_exec(_database.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        throw std::runtime_error(std::string("the table could not be changed: ") + sqlite3_errmsg(_database.get()));
}

long long FencedTable::ask(const char* sql)
{
    long long answer = 0;
    const auto take = [](void* target, int, char** row, char**)
    {
        *static_cast<long long*>(target) = std::stoll(row[0]);
        return 0;
    };
    if (sqlite3_exec(_database.get(), sql, take, &answer, nullptr) != SQLITE_OK)
        throw std::runtime_error(std::string("the table could not be read: ") + sqlite3_errmsg(_database.get()));
    return answer;
}

void FencedTable::transact(const std::function<Leasehold::Fence(Leasehold::Fence)>& step)
{
    const std::lock_guard guard(_mutex);
    run("BEGIN IMMEDIATE");
    try
    {
        const auto fence = step(static_cast<Leasehold::Fence>(ask("SELECT fence FROM counter")));
        run("UPDATE counter SET fence = " + std::to_string(fence) + "; COMMIT");
    }
    catch (...) // undone, and passed on
    {
        sqlite3_exec(_database.get(), "ROLLBACK", nullptr, nullptr, nullptr);
        throw;
    }
}

long long FencedTable::value()
{
    const std::lock_guard guard(_mutex);
    return ask("SELECT value FROM counter");
}

void FencedTable::setValue(Leasehold::Fence fence, long long value)
{
    write(fence, [&] { run("UPDATE counter SET value = " + std::to_string(value)); });
}
