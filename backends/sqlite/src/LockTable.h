#pragma once

#include "HostClock.h"
#include "Leasehold/Store/LockStore.h"
#include "SqliteStatement.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold
{

/// The table of locks on one connection. The caller must have begun a transaction, and a writing one for functions that change rows.
/// LeaseRules has the rules; this class converts rows to its records and back.
///
/// The host's boot clock judges a row of this boot. The wall clock judges a row of another boot id, which ends at most its TTL from now, in
/// case the wall clock was ahead when the row was written. Its note of a waiter keeps its distance to the end of the lease.
class LockTable
{
public:
    /// One stored row; see SqliteSchema for its columns. `Text`: std::string, or std::string_view into a statement.
    template <typename Text>
    struct Columns
    {
        Text name{}, token{};
        std::int64_t fence = 0, standing = 0, acquiredWall = 0;
        Text bootId{};
        std::int64_t expiresBoot = 0, expiresWall = 0, ttl = 0;
        Text metadata = "{}";
        std::int64_t wantedBoot = 0;
    };
    using Row = Columns<std::string>;
    using RowView = Columns<std::string_view>;

    explicit LockTable(SqliteConnection& connection);

    /// Throws LockStoreError if a newer Leasehold has changed the schema since the file was opened.
    void requireSchema();

    AcquireReply acquire(const AcquireRequest& request, const HostNow& now);
    RenewReply renew(const RenewRequest& request, const HostNow& now);
    ReleaseReply release(const LeaseRef& lease, const HostNow& now);
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const HostNow& now);
    std::optional<LockRecord> find(const std::string& name, const HostNow& now);
    std::vector<LockRecord> list(const ListQuery& query, const HostNow& now);

    /// Names of at most `limit` records that may be forgotten now.
    std::vector<std::string> forgettable(Milliseconds retention, std::size_t limit, const HostNow& now);
    /// Forgets one of them if it still may be forgotten.
    bool forget(const std::string& name, Milliseconds retention, const HostNow& now);

    /// The live rows of a file that this store will not use again.
    std::vector<Row> liveRows(const HostNow& now);
    bool isLive(const Row& row, const HostNow& now) const;
    /// Adds the rows that are still live as broken locks, unless this file has the same or a later grant. No holder can renew them, and
    /// their names are granted only after their leases end, because their holders may not know of the loss yet.
    void adopt(const std::vector<Row>& rows, const HostNow& now);

private:
    using Record = LeaseRules::Record;
    class Records;
    enum class Part
    {
        whole,
        expiry ///< without the metadata, for steps that change only the end of a lease
    };
    struct Found
    {
        std::optional<Record> record{};
        bool clamped = false; // its expiry was reduced to its TTL from now
    };

    Found load(const std::string& name, const HostNow& now, Part part);
    Found translate(const RowView& row, const HostNow& now) const;
    void requireSane(const RowView& row) const;
    void write(const std::string& name, const Record& record, const HostNow& now);
    void writeExpiry(const std::string& name, const Record& record, const HostNow& now);

    SqliteConnection& _connection;
    SqliteStatement _schema, _find, _load, _loadBrief, _write, _writeExpiry, _list, _dead, _forget, _unfinished, _adopt;
};

} // namespace Leasehold
