#pragma once

#include "FilePlace.h"
#include "HostClock.h"
#include "LockTable.h"
#include "SqliteConnection.h"

namespace Leasehold
{

/// A connection that is ready for the verbs: the file is a lock database and is where it should be.
class StoreConnection
{
public:
    /// Throws LockStoreUnavailable or LockStoreError. `clocks` must outlive it.
    StoreConnection(const std::string& path, SqliteConnection::IfMissing ifMissing, const SQLiteHostClocks& clocks,
                    const Patience& patience);

    SqliteConnection sqlite;
    HostClock clock;
    LockTable table;
    FilePlace place;
};

} // namespace Leasehold
