#pragma once

#include "SqliteStatement.h"

#include <optional>
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

    /// When the disk has it, by PRAGMA synchronous.
    enum class Commit
    {
        quick,  ///< NORMAL: a power failure may undo it
        durable ///< FULL: when commit returns
    };

    /// Throws LockStoreUnavailable or LockStoreError.
    SqliteConnection(const std::string& path, IfMissing ifMissing, const Patience& patience);
    ~SqliteConnection();
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    /// Whose waits count from now on; null: nobody's, a busy file fails at once.
    void serve(const Patience* patience) { _patience = patience; }

    /// Starts a transaction that may write: nobody else writes until it ends.
    void beginWrite(Commit commit);
    /// Starts a transaction that reads one state.
    void beginRead();
    void commit();
    /// Undoes what is open, if anything is. Never throws; a connection that cannot even do that is marked as broken.
    void rollback() noexcept;

    /// For set-up.
    void run(const std::string& sql);
    std::int64_t number(const std::string& sql);
    std::string text(const std::string& sql);

    /// False: SQLite sees another file, or none, at the place where it opened this one.
    bool isAtItsPlace();
    /// The file's name with its symbolic links resolved, as SQLite uses it.
    std::string fileName() const;
    bool isReadOnly() const;

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
    std::optional<Commit> _commit; // what PRAGMA synchronous is set to
    bool _broken = false;
    std::optional<SqliteStatement> _beginWrite, _beginRead, _end, _undo;
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
