#pragma once

namespace Leasehold
{

class Patience;
class SqliteConnection;

namespace SqliteSchema
{

/// What PRAGMA user_version says in a file of this version of Leasehold.
inline constexpr int version = 1;

/// Makes an empty file a lock database and checks one that is not empty. Many processes may do so at once. Throws LockStoreError
/// for a file of another application, of a newer Leasehold, or one that cannot be written; such a file is left as it is.
void setUp(SqliteConnection& connection, const Patience& patience);

/// Throws LockStoreError if a newer Leasehold has taken over the file; `found` is its user_version.
void requireKnown(const SqliteConnection& connection, long long found);

} // namespace SqliteSchema
} // namespace Leasehold
