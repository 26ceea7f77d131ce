#include "StoreConnection.h"

#include "FileNameCheck.h"
#include "Leasehold/Exceptions.h"
#include "SqliteSchema.h"
#include "WaitBudget.h"

namespace Leasehold
{
namespace
{

using SqliteSchema::Access;

SqliteConnection& checked(SqliteConnection& connection, Access access, const WaitBudget& budget)
{
    SqliteSchema::setUp(connection, access, budget);
    return connection;
}

DatabaseFiles placeOf(SqliteConnection& connection)
{
    FileNameCheck::requireOneName(connection.path()); // the file may have got a second name while it was opened
    auto place = DatabaseFiles::look(connection.path(), connection.fileName());
    if (!place || !connection.isAtItsPlace())
        throw LockStoreUnavailable("sqlite store " + connection.path() +
                                   ": the file was removed or replaced while it was being opened; try again");
    return *place;
}

} // namespace

StoreConnection::StoreConnection(const std::string& path, SqliteConnection::IfMissing ifMissing, Access access,
                                 const SQLiteHostClocks& clocks, const WaitBudget& budget) :
    sqlite(path, ifMissing, budget),
    clock(clocks), table(checked(sqlite, access, budget)), place(placeOf(sqlite))
{
}

} // namespace Leasehold
