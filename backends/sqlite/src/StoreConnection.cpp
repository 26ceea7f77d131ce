#include "StoreConnection.h"

#include "Leasehold/Exceptions.h"
#include "Patience.h"
#include "SqliteSchema.h"

namespace Leasehold
{
namespace
{

SqliteConnection& setUp(SqliteConnection& connection, const Patience& patience)
{
    SqliteSchema::setUp(connection, patience);
    return connection;
}

FilePlace placeOf(SqliteConnection& connection)
{
    auto place = FilePlace::look(connection.path(), connection.fileName());
    if (!place || !connection.isAtItsPlace())
        throw LockStoreUnavailable("sqlite store " + connection.path() +
                                   ": the file was removed or replaced while it was being opened; try again");
    return *place;
}

} // namespace

StoreConnection::StoreConnection(const std::string& path, SqliteConnection::IfMissing ifMissing, const SQLiteHostClocks& clocks,
                                 const Patience& patience) :
    sqlite(path, ifMissing, patience),
    clock(clocks), table(setUp(sqlite, patience)), place(placeOf(sqlite))
{
}

} // namespace Leasehold
