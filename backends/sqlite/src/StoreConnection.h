#pragma once

#include "DatabaseFiles.h"
#include "HostClock.h"
#include "LockTable.h"
#include "SqliteConnection.h"
#include "SqliteSchema.h"

namespace Leasehold
{

/// A connection that is ready for the verbs: the file is a lock database, and its name still belongs to it.
class StoreConnection
{
public:
    using Access = SqliteSchema::Access;

    /// Throws LockStoreUnavailable or LockStoreError. `clocks` must outlive it.
    StoreConnection(const std::string& path, SqliteConnection::IfMissing ifMissing, Access access, const SQLiteHostClocks& clocks,
                    const WaitBudget& budget);

    SqliteConnection sqlite;
    HostClock clock;
    LockTable table;
    DatabaseFiles place;
};

} // namespace Leasehold
