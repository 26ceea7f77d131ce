#include "SqliteSchema.h"

#include "Leasehold/Exceptions.h"
#include "SqliteConnection.h"
#include "WaitBudget.h"

#include <string>

namespace Leasehold::SqliteSchema
{
namespace
{

/// "LsHd": the program `file` and others identify the application of a database by it.
constexpr long long applicationId = 0x4c734864;

/// The last grant of each name. Times are in ms. While `boot_id` is the kernel's, `expires_boot` counts, by the host's boot clock; else
/// `expires_wall` counts. `wanted_until` (the end of a waiter's note) is by the writer's boot clock; after another boot, its distance to
/// `expires_boot` counts.
constexpr const char* createTable = "CREATE TABLE locks ("
                                    "name TEXT NOT NULL PRIMARY KEY, "
                                    "token TEXT NOT NULL, "
                                    "fence INTEGER NOT NULL, "
                                    "standing INTEGER NOT NULL, "
                                    "acquired_wall INTEGER NOT NULL, "
                                    "boot_id TEXT NOT NULL, "
                                    "expires_boot INTEGER NOT NULL, "
                                    "expires_wall INTEGER NOT NULL, "
                                    "ttl INTEGER NOT NULL, "
                                    "metadata TEXT NOT NULL, "
                                    "wanted_until INTEGER NOT NULL DEFAULT 0"
                                    ") STRICT, WITHOUT ROWID";

/// The column that files of 0.1.0 lack. That version names its columns and still works, so the schema keeps its number.
constexpr const char* addWanted = "ALTER TABLE locks ADD COLUMN wanted_until INTEGER NOT NULL DEFAULT 0";

bool hasWanted(SqliteConnection& connection)
{
    return connection.number("SELECT count(*) FROM pragma_table_info('locks') WHERE name = 'wanted_until'") != 0;
}

/// A commit does not wait for the disk; see SqliteConnection::syncLog.
constexpr const char* syncSeldom = "PRAGMA synchronous = NORMAL";

/// A step changes one page, and SQLite computes a checksum of all of it: half of the usual size makes a pair of steps 6 % cheaper. In pages
/// of 1024 bytes, rows with a long name or metadata would need a second one.
constexpr const char* smallPages = "PRAGMA page_size = 2048";

/// True: the database is ours and of this version. False: it is empty. Must be called in a transaction: another process may be creating the
/// table, and half of it would look like the database of another application.
bool isOurs(SqliteConnection& connection)
{
    const auto application = connection.number("PRAGMA application_id");
    const auto found = connection.number("PRAGMA user_version");
    if (application == applicationId)
    {
        requireKnown(connection, found);
        return true;
    }
    if (application != 0 || found != 0 || connection.number("SELECT count(*) FROM sqlite_schema") != 0)
        throw LockStoreError("sqlite store " + connection.path() + ": this is the database of another application (application_id " +
                             std::to_string(application) + "); it is left as it is: name another path");
    return false;
}

/// Retries here, because SQLite does not always wait itself: if two connections switch to WAL at once, it may fail one of them at once.
void useWriteAheadLog(SqliteConnection& connection, const WaitBudget& budget)
{
    for (;;)
    {
        try
        {
            const auto mode = connection.text("PRAGMA journal_mode = WAL");
            if (mode != "wal")
                throw LockStoreError("sqlite store " + connection.path() + ": the journal mode stays \"" + mode +
                                     "\" where it must be \"wal\"; name a path on a local file system");
            return;
        }
        catch (const LockStoreUnavailable&)
        {
            if (!connection.wasBusy() || !budget.pause())
                throw;
        }
    }
}

} // namespace

void requireKnown(const SqliteConnection& connection, long long found)
{
    if (found > version)
        throw LockStoreError("sqlite store " + connection.path() + ": its schema has number " + std::to_string(found) +
                             ", and this version of Leasehold knows " + std::to_string(version) +
                             "; it is left as it is: update this program, or name another path");
    if (found < version)
        throw LockStoreError("sqlite store " + connection.path() + ": its schema number is " + std::to_string(found) +
                             ", which no version of Leasehold has written; something else changed the file: move it away");
}

void setUp(SqliteConnection& connection, Access access, const WaitBudget& budget)
{
    const auto requireWritable = [&connection]
    {
        if (connection.isReadOnly())
            throw LockStoreError("sqlite store " + connection.path() +
                                 ": the file is read-only for this user; allow writing to it and its directory, or name another path");
    };
    if (access == Access::write)
        requireWritable();
    bool ours = false, complete = false;
    {
        const SqliteTransaction oneState(connection);
        connection.beginRead();
        ours = isOurs(connection);
        complete = ours && (connection.isReadOnly() || hasWanted(connection)); // readers do not read the column
    }
    if (complete && connection.text("PRAGMA journal_mode") == "wal")
    {
        connection.run(syncSeldom);
        return;
    }
    requireWritable();
    if (!ours) // these two are no changes of a file that another process has created meanwhile
    {
        connection.run("PRAGMA encoding = 'UTF-8'"); // names are ordered by their bytes
        connection.run(smallPages);
    }
    useWriteAheadLog(connection, budget);

    const SqliteTransaction transaction(connection);
    connection.beginWrite(); // until syncSeldom runs, a commit waits for the disk
    if (!isOurs(connection)) // another process may have created the table first
    {
        connection.run(createTable);
        connection.run("PRAGMA application_id = " + std::to_string(applicationId));
        connection.run("PRAGMA user_version = " + std::to_string(version));
    }
    else if (!hasWanted(connection))
        connection.run(addWanted);
    connection.commit();
    connection.run(syncSeldom);
}

} // namespace Leasehold::SqliteSchema
