#include "SqliteSchema.h"

#include "Leasehold/Exceptions.h"
#include "Patience.h"
#include "SqliteConnection.h"

#include <string>

namespace Leasehold::SqliteSchema
{
namespace
{

/// "LsHd": `file` and others tell by it whose database this is.
constexpr long long applicationId = 0x4c734864;

/// The last grant of each name. Times are in ms. `expires_boot` is by the host's boot clock and holds while `boot_id` is the
/// kernel's; else `expires_wall` does.
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
                                    "metadata TEXT NOT NULL"
                                    ") STRICT, WITHOUT ROWID";

/// A commit does not wait for the disk; see SqliteConnection::syncLog.
constexpr const char* syncSeldom = "PRAGMA synchronous = NORMAL";

/// True: it is ours and of this version. False: it is empty. To be asked in a transaction: another process may be making the
/// table at this moment, and half of that would look like the database of another application.
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

/// SQLite does not always wait by itself here: where it fears a deadlock between two that switch, it fails one of them at once.
void useWriteAheadLog(SqliteConnection& connection, const Patience& patience)
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
            if (!connection.wasBusy() || !patience.pause())
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

void setUp(SqliteConnection& connection, const Patience& patience)
{
    if (connection.isReadOnly())
        throw LockStoreError("sqlite store " + connection.path() +
                             ": the file is read-only for this user; allow writing to it and its directory, or name another path");
    const bool ours = [&]
    {
        const SqliteTransaction oneState(connection);
        connection.beginRead();
        return isOurs(connection);
    }();
    if (ours && connection.text("PRAGMA journal_mode") == "wal")
    {
        connection.run(syncSeldom);
        return;
    }
    if (!ours)
        connection.run("PRAGMA encoding = 'UTF-8'"); // names are ordered by their bytes
    useWriteAheadLog(connection, patience);

    const SqliteTransaction transaction(connection);
    connection.beginWrite(); // and the disk must have it: that is how a connection begins
    if (!isOurs(connection)) // another process may have been quicker
    {
        connection.run(createTable);
        connection.run("PRAGMA application_id = " + std::to_string(applicationId));
        connection.run("PRAGMA user_version = " + std::to_string(version));
    }
    connection.commit();
    connection.run(syncSeldom);
}

} // namespace Leasehold::SqliteSchema
