#pragma once

#include "SqliteStatement.h"

#include <cstdint>
#include <string>

struct sqlite3;

namespace Leasehold
{

class Patience;

/// One connection to the file: opened, waiting for other processes as the present call's Patience allows, and closed without
/// touching files by their names (see close in the source). Used by one thread at a time.
class SqliteConnection
{
public:
    enum class IfMissing
    {
        fail,
        create
    };

    /// Throws LockStoreUnavailable or LockStoreError.
    SqliteConnection(const std::string& path, IfMissing ifMissing, const Patience& patience);
    ~SqliteConnection();
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    /// Whose waits count from now on; null: nobody's, a busy file fails at once.
    void serve(const Patience* patience) { _patience = patience; }

    /// Starts a transaction that may write: nobody else writes until it ends.
    void beginWrite();
    /// Starts a transaction that reads one state.
    void beginRead();
    void commit();
    /// Waits until the disk has all that was committed, by anybody. With synchronous = NORMAL a commit alone does not wait for it;
    /// done afterwards, when others may write again, the wait is nobody else's.
    void syncLog();
    /// Undoes what is open, if anything is. Never throws; a connection that cannot even do that is marked as broken.
    void rollback() noexcept;

    /// To be called by whoever may be the last to use the file: a long log makes the next process, which has to read it, start
    /// late. Never throws.
    void shortenLog() noexcept;

    /// For set-up.
    void run(const std::string& sql);
    std::int64_t number(const std::string& sql);
    std::string text(const std::string& sql);

    /// False: SQLite sees another file, or none, at the place where it opened this one.
    bool isAtItsPlace();
    /// The file's name with its symbolic links resolved, as SQLite uses it.
    std::string fileName() const;
    bool isReadOnly() const;

    /// True if the last failure was that another process held the file.
    bool wasBusy() const;
    /// True after a failure that leaves it unclear what the connection is worth: it must be closed.
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
    const Patience* _patience;
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
