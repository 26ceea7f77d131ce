#pragma once

#include "StorageBench.h"

#include <memory>
#include <string>

#include <sqlite3.h>

namespace Leasehold::Bench
{

/// The two transactions that a lock in SQLite needs, through the C API on its own connection: BEGIN IMMEDIATE, read the row, write it,
/// COMMIT. It uses WAL and prepared statements. It does not apply the rules and does not check the file.
class BareSQLite : public BareClient
{
public:
    /// `syncGrants`: an acquire waits for the disk.
    BareSQLite(const std::string& path, std::string name, bool syncGrants);

    bool pair() override;

private:
    struct Close
    {
        void operator()(sqlite3* database) const { sqlite3_close(database); }
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Close>;

    bool acquire();
    void release();
    bool findIsHeld();

    void execute(const char* sql);
    Statement prepare(const char* sql);
    bool step(const Statement& statement);
    void run(const Statement& statement);
    void bindName(const Statement& statement);
    void synchronous(bool full);
    [[noreturn]] void fail() const;

    std::unique_ptr<sqlite3, Close> _database;
    Statement _begin, _commit, _find, _write, _expire;
    const std::string _name;
    const bool _syncGrants;
    bool _isFull = false;
    sqlite3_int64 _fence = 1'000'000'000'000'000;
};

} // namespace Leasehold::Bench
