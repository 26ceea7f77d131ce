#pragma once

#include "HostClock.h"
#include "Leasehold/LockStore.h"
#include "SqliteStatement.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold
{

/// The table of locks, as one connection sees it. Each function is a part of a transaction that the caller has begun; those that
/// change something need one that may write. The rule is LeaseRules; here rows are brought into its terms and back.
///
/// A row of this boot is judged by the host's boot clock. A row of another boot id is judged by the wall clock, and ends at most
/// its ttl from now: then the wall clock had been ahead when it was written.
class LockTable
{
public:
    /// One row, as it is stored; see SqliteSchema for its columns. `Text`: std::string, or std::string_view into a statement.
    template <typename Text>
    struct Columns
    {
        Text name{}, token{};
        std::int64_t fence = 0, standing = 0, acquiredWall = 0;
        Text bootId{};
        std::int64_t expiresBoot = 0, expiresWall = 0, ttl = 0;
        Text metadata = "{}";
    };
    using Row = Columns<std::string>;
    using RowView = Columns<std::string_view>;

    explicit LockTable(SqliteConnection& connection);

    /// Throws LockStoreError if a newer Leasehold has changed the schema since the file was opened.
    void requireSchema();

    AcquireReply acquire(const AcquireRequest& request, const HostNow& now);
    RenewReply renew(const RenewRequest& request, const HostNow& now);
    ReleaseStatus release(const LeaseRef& lease, const HostNow& now);
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const HostNow& now);
    std::optional<LockRecord> find(const std::string& name, const HostNow& now);
    std::vector<LockRecord> list(const ListQuery& query, const HostNow& now);

    /// Names of at most `limit` records that may be forgotten now.
    std::vector<std::string> forgettable(Milliseconds retention, std::size_t limit, const HostNow& now);
    /// Forgets one of them, if it still may be.
    bool forget(const std::string& name, Milliseconds retention, const HostNow& now);

    /// The live rows of a file that is being left for good.
    std::vector<Row> liveRows(const HostNow& now);
    bool isLive(const Row& row, const HostNow& now) const;
    /// Makes the names of those that still live taken here until their leases end, unless the same or a later grant is known
    /// here: nobody can hold or renew them, but somebody may still believe in them.
    void adopt(const std::vector<Row>& rows, const HostNow& now);

private:
    using Record = LeaseRules::Record;
    struct Found
    {
        std::optional<Record> record{};
        bool clamped = false; // its expiry was brought down to its ttl from now
    };

    Found read(const std::string& name, const HostNow& now, bool withMetadata);
    Found translate(const RowView& row, const HostNow& now) const;
    void requireSane(const RowView& row) const;
    void write(const std::string& name, const Record& record, const HostNow& now);
    void writeExpiry(const std::string& name, const Record& record, const HostNow& now);

    SqliteConnection& _connection;
    SqliteStatement _schema, _find, _findBrief, _write, _writeExpiry, _list, _dead, _forget, _unfinished, _adopt;
};

} // namespace Leasehold
