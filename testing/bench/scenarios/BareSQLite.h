#pragma once

#include <memory>
#include <string>

#include <sqlite3.h>

namespace Leasehold::Bench
{

/// The two transactions that a lock in SQLite cannot do without, through the C API, on a connection of its own: BEGIN IMMEDIATE, read
/// the row, write it, COMMIT. It has prepared all statements, and WAL; it looks neither at the rule nor at the file.
class BareSQLite
{
public:
    /// `syncGrants`: an acquire waits for the disk.
    BareSQLite(const std::string& path, bool syncGrants);

    void acquire(const std::string& name);
    void release(const std::string& name);

private:
    struct Close
    {
        void operator()(sqlite3* database) const { sqlite3_close(database); }
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Close>;

    void execute(const char* sql);
    Statement prepare(const char* sql);
    void run(const Statement& statement);
    void bind(const Statement& statement, int at, const std::string& text);
    void synchronous(bool full);
    [[noreturn]] void fail() const;

    std::unique_ptr<sqlite3, Close> _database;
    Statement _begin, _commit, _find, _write, _expire;
    const bool _syncGrants;
    bool _isFull = false;
    sqlite3_int64 _fence = 1'000'000'000'000'000;
};

} // namespace Leasehold::Bench
