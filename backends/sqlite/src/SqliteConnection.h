#pragma once

#include "SqliteStatement.h"

#include <cstdint>
#include <string>

struct sqlite3;

namespace Leasehold
{

class WaitBudget;

/// One connection to the file. It waits for other processes as long as the WaitBudget of the present call allows. Closing it does not touch
/// files by their names (see the source). Used by one thread at a time.
class SqliteConnection
{
public:
    enum class IfMissing
    {
        fail,
        create
    };

    /// Throws LockStoreUnavailable or LockStoreError.
    SqliteConnection(const std::string& path, IfMissing ifMissing, const WaitBudget& budget);
    ~SqliteConnection();
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    /// Sets the budget of waits from now on; nullptr: a busy file fails at once.
    void setWaitBudget(const WaitBudget* budget) { _budget = budget; }

    /// Starts a writing transaction. No other connection writes until it ends.
    void beginWrite();
    /// Starts a reading transaction on one consistent state.
    void beginRead();
    void commit();
    /// Waits until every earlier commit of any process is on the disk. With synchronous = NORMAL a commit does not wait for the disk; the
    /// caller waits here, after its transaction, so that other writers do not wait.
    void syncLog();
    /// Rolls back the open transaction, if there is one. Never throws; a connection that cannot roll back is marked as broken.
    void rollback() noexcept;

    /// Shortens a long log. The last user of the file should call it, because the next process reads the whole log when it starts. Never
    /// throws.
    void shortenLog() noexcept;

    /// These are for the set-up.
    void run(const std::string& sql);
    std::int64_t number(const std::string& sql);
    std::string text(const std::string& sql);

    /// False if the name of the file that SQLite opened now belongs to another file or to none.
    bool isAtItsPlace();
    /// The file's name with its symbolic links resolved, as SQLite uses it.
    std::string fileName() const;
    bool isReadOnly() const;

    /// True if the last failure was that another process held the file.
    bool wasBusy() const;
    /// True after a failure that leaves the state of the connection unknown: it must be closed.
    bool isBroken() const { return _broken; }

    const std::string& path() const { return _path; }
    sqlite3* handle() const { return _handle; }
    void require(int code);
    [[noreturn]] void fail(int code);

private:
    void open(IfMissing ifMissing);
    void close() noexcept;
    static int onBusy(void* self, int attempt);
    static int onProgress(void* self);

    const std::string _path;
    sqlite3* _handle = nullptr;
    const WaitBudget* _budget;
    bool _broken = false;
    int _lastFailure = 0;
    SqliteStatement _beginWrite{*this, "BEGIN IMMEDIATE"}, _beginRead{*this, "BEGIN"}, _end{*this, "COMMIT"}, _undo{*this, "ROLLBACK"};
};

/// A transaction of a connection, rolled back unless it was committed.
class SqliteTransaction
{
public:
    explicit SqliteTransaction(SqliteConnection& connection) : _connection(connection) {}
    ~SqliteTransaction() { _connection.rollback(); }
    SqliteTransaction(const SqliteTransaction&) = delete;
    SqliteTransaction& operator=(const SqliteTransaction&) = delete;

private:
    SqliteConnection& _connection;
};

} // namespace Leasehold
