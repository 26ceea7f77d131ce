#pragma once

namespace Leasehold
{

class WaitBudget;
class SqliteConnection;

namespace SqliteSchema
{

/// PRAGMA user_version in a file of this version of Leasehold.
inline constexpr int version = 1;

/// The purpose of a connection. A reading connection accepts a lock database that this user has no right to write.
enum class Access
{
    read,
    write
};

/// Makes an empty file a lock database, and checks any other file. Many processes may call it at once. Throws LockStoreError for a file of
/// another application or of a newer Leasehold, and for one that must be written and cannot be. It does not change such a file.
void setUp(SqliteConnection& connection, Access access, const WaitBudget& budget);

/// Throws LockStoreError unless `found`, the file's user_version, is that of this version of Leasehold.
void requireKnown(const SqliteConnection& connection, long long found);

} // namespace SqliteSchema
} // namespace Leasehold
