#include "LockTable.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/RecordSteps.h"
#include "SqliteConnection.h"
#include "SqliteSchema.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace Leasehold
{
namespace
{

using LeaseRules::Standing;

// The numbers of the column "standing". Never change them, because files contain them.
constexpr std::int64_t heldNumber = 0, brokenNumber = 1, releasedNumber = 2, freedNumber = 3;

std::int64_t toNumber(Standing standing)
{
    switch (standing)
    {
    case Standing::held:
        return heldNumber;
    case Standing::broken:
        return brokenNumber;
    case Standing::released:
        return releasedNumber;
    case Standing::freed:
        return freedNumber;
    }
    return freedNumber;
}

Standing toStanding(std::int64_t number)
{
    constexpr Standing standings[] = {Standing::held, Standing::broken, Standing::released, Standing::freed};
    return standings[number]; // requireSane has checked the range
}

/// A view of the row in the statement: copying its texts would cost more than the rest of a step.
LockTable::RowView rowOf(std::string_view name, const SqliteStatement::Execution& found, int first, bool withMetadata)
{
    LockTable::RowView row;
    row.name = name;
    row.token = found.view(first);
    row.fence = found.number(first + 1);
    row.standing = found.number(first + 2);
    row.acquiredWall = found.number(first + 3);
    row.bootId = found.view(first + 4);
    row.expiresBoot = found.number(first + 5);
    row.expiresWall = found.number(first + 6);
    row.ttl = found.number(first + 7);
    if (withMetadata)
        row.metadata = found.view(first + 8);
    return row;
}

template <typename To, typename From>
LockTable::Columns<To> convert(const LockTable::Columns<From>& row)
{
    return {To(row.name),    To(row.token),   row.fence, row.standing,     row.acquiredWall, To(row.bootId),
            row.expiresBoot, row.expiresWall, row.ttl,   To(row.metadata), row.wantedBoot};
}

} // namespace

LockTable::LockTable(SqliteConnection& connection) :
    _connection(connection), _schema(connection, "PRAGMA user_version"),
    _find(connection, "SELECT token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl, metadata "
                      "FROM locks WHERE name = ?1"),
    _load(connection, "SELECT token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl, metadata, wanted_until "
                      "FROM locks WHERE name = ?1"),
    _loadBrief(connection, "SELECT token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl, wanted_until "
                           "FROM locks WHERE name = ?1"),
    _write(connection, "REPLACE INTO locks (name, token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl, "
                       "metadata, wanted_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
    _writeExpiry(connection, "UPDATE locks SET standing = ?2, boot_id = ?3, expires_boot = ?4, expires_wall = ?5, ttl = ?6, "
                             "wanted_until = ?7 WHERE name = ?1"),
    _list(connection, "SELECT name, token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl, metadata "
                      "FROM locks WHERE name >= ?1 AND standing <= 1 ORDER BY name"),
    _dead(connection, "SELECT name, token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl "
                      "FROM locks WHERE fence < ?1"),
    _forget(connection, "DELETE FROM locks WHERE name = ?1"),
    _unfinished(connection, "SELECT name, token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl, metadata "
                            "FROM locks WHERE standing <= 1"),
    _adopt(connection,
           "INSERT INTO locks (name, token, fence, standing, acquired_wall, boot_id, expires_boot, expires_wall, ttl, metadata) "
           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (name) DO UPDATE SET "
           "token = excluded.token, fence = excluded.fence, standing = excluded.standing, "
           "acquired_wall = excluded.acquired_wall, boot_id = excluded.boot_id, expires_boot = excluded.expires_boot, "
           "expires_wall = excluded.expires_wall, ttl = excluded.ttl, metadata = excluded.metadata, wanted_until = 0 "
           "WHERE excluded.fence > locks.fence")
{
}

void LockTable::requireSchema()
{
    auto execution = _schema.execute();
    SqliteSchema::requireKnown(_connection, execution.step() ? execution.number(0) : 0);
}

/// Loads and saves records for RecordSteps, within one transaction.
class LockTable::Records
{
public:
    Records(LockTable& table, const HostNow& now, Part part) : _table(table), _now(now), _part(part) {}

    std::optional<Record> load(const std::string& name)
    {
        auto found = _table.load(name, _now, _part);
        // Save the corrected expiry at once, so that the lease ends when waiters were told, even if the wall clock is stepped again.
        if (found.clamped && _part == Part::whole)
            save(name, *found.record);
        return std::move(found.record);
    }

    void save(const std::string& name, const Record& record)
    {
        if (_part == Part::whole)
            _table.write(name, record, _now);
        else
            _table.writeExpiry(name, record, _now);
    }

private:
    LockTable& _table;
    const HostNow& _now;
    const Part _part;
};

AcquireReply LockTable::acquire(const AcquireRequest& request, const HostNow& now)
{
    return RecordSteps::acquire(Records(*this, now, Part::whole), request, now.rule);
}

RenewReply LockTable::renew(const RenewRequest& request, const HostNow& now)
{
    return RecordSteps::renew(Records(*this, now, Part::expiry), request, now.rule);
}

ReleaseReply LockTable::release(const LeaseRef& lease, const HostNow& now)
{
    return RecordSteps::release(Records(*this, now, Part::expiry), lease, now.rule);
}

bool LockTable::breakLock(const std::string& name, Fence expected, BreakMode mode, const HostNow& now)
{
    return RecordSteps::breakLock(Records(*this, now, Part::expiry), name, expected, mode, now.rule);
}

std::optional<LockRecord> LockTable::find(const std::string& name, const HostNow& now)
{
    auto rows = _find.execute();
    rows.bind(1, name);
    if (!rows.step())
        return std::nullopt;
    const auto found = translate(rowOf(name, rows, 0, true), now);
    if (!LeaseRules::isLive(*found.record, now.rule))
        return std::nullopt;
    return RecordSteps::toLockRecord(name, *found.record, now.rule);
}

std::vector<LockRecord> LockTable::list(const ListQuery& query, const HostNow& now)
{
    std::vector<LockRecord> page;
    const std::string_view first = std::max<std::string_view>(query.prefix, query.after);
    auto rows = _list.execute();
    rows.bind(1, first);
    while (page.size() < query.limit && rows.step())
    {
        const auto name = rows.text(0);
        if (!name.starts_with(query.prefix))
            break; // the names with the prefix are contiguous and come first here
        if (name <= query.after)
            continue;
        const auto found = translate(rowOf(name, rows, 1, true), now);
        if (LeaseRules::isLive(*found.record, now.rule))
            page.push_back(RecordSteps::toLockRecord(name, *found.record, now.rule));
    }
    return page;
}

std::vector<std::string> LockTable::forgettable(Milliseconds retention, std::size_t limit, const HostNow& now)
{
    std::vector<std::string> names;
    auto rows = _dead.execute();
    rows.bind(1, now.rule.wallMicroseconds); // only fences behind the clock can be forgotten
    while (names.size() < limit && rows.step())
    {
        const auto row = rowOf(rows.view(0), rows, 1, false);
        const auto found = translate(row, now);
        if (LeaseRules::isForgettable(*found.record, retention, now.rule))
            names.emplace_back(row.name);
    }
    return names;
}

bool LockTable::forget(const std::string& name, Milliseconds retention, const HostNow& now)
{
    const auto found = load(name, now, Part::expiry);
    if (!found.record || !LeaseRules::isForgettable(*found.record, retention, now.rule))
        return false;
    auto execution = _forget.execute();
    execution.bind(1, name).run();
    return true;
}

std::vector<LockTable::Row> LockTable::liveRows(const HostNow& now)
{
    std::vector<Row> live;
    auto rows = _unfinished.execute();
    while (rows.step())
    {
        auto row = convert<std::string>(rowOf(rows.view(0), rows, 1, true));
        if (isLive(row, now))
            live.push_back(std::move(row));
    }
    return live;
}

bool LockTable::isLive(const Row& row, const HostNow& now) const
{
    return LeaseRules::isLive(*translate(convert<std::string_view>(row), now).record, now.rule);
}

void LockTable::adopt(const std::vector<Row>& rows, const HostNow& now)
{
    for (const auto& row : rows)
    {
        if (!isLive(row, now))
            continue;
        auto execution = _adopt.execute();
        execution.bind(1, row.name).bind(2, row.token).bind(3, row.fence).bind(4, brokenNumber).bind(5, row.acquiredWall);
        execution.bind(6, row.bootId).bind(7, row.expiresBoot).bind(8, row.expiresWall).bind(9, row.ttl).bind(10, row.metadata);
        execution.run();
    }
}

LockTable::Found LockTable::load(const std::string& name, const HostNow& now, Part part)
{
    const bool withMetadata = part == Part::whole;
    auto execution = (withMetadata ? _load : _loadBrief).execute();
    execution.bind(1, name);
    if (!execution.step())
        return {};
    auto row = rowOf(name, execution, 0, withMetadata);
    row.wantedBoot = execution.number(withMetadata ? 9 : 8);
    return translate(row, now);
}

LockTable::Found LockTable::translate(const RowView& row, const HostNow& now) const
{
    requireSane(row);
    Found found;
    auto& record = found.record.emplace();
    record.token = row.token;
    record.fence = static_cast<Fence>(row.fence);
    record.standing = toStanding(row.standing);
    record.acquiredAt = row.acquiredWall - now.wallMs + now.rule.ms;
    record.ttl = row.ttl;
    record.metadata = row.metadata;
    if (row.bootId == now.bootId)
    {
        record.expiresAt = row.expiresBoot;
        record.wantedUntil = row.wantedBoot;
    }
    else
    {
        const auto byTheWall = row.expiresWall - now.wallMs;
        found.clamped = byTheWall > row.ttl;
        record.expiresAt = now.rule.ms + std::min(byTheWall, row.ttl);
        if (row.wantedBoot != 0) // the same distance to the end of the lease as in the row
            record.wantedUntil = record.expiresAt + row.wantedBoot - row.expiresBoot;
    }
    return found;
}

/// Refuses values that no version of Leasehold writes, because arithmetic with them could overflow. SQLite's own checks accept them.
void LockTable::requireSane(const RowView& row) const
{
    constexpr auto highest = static_cast<std::int64_t>(maxFence);
    const auto fits = [](std::int64_t value) { return value >= -highest && value <= highest; };
    if (row.fence >= 0 && fits(row.fence) && row.standing >= heldNumber && row.standing <= freedNumber && fits(row.acquiredWall) &&
        fits(row.expiresBoot) && fits(row.expiresWall) && row.ttl >= 0 && fits(row.ttl) && fits(row.wantedBoot))
        return;
    throw LockStoreError("sqlite store " + _connection.path() + ": the row of lock \"" + std::string(row.name) +
                         "\" has values that no version of Leasehold writes; something else changed the file: stop all that use it "
                         "and move it away together with its -wal and -shm files");
}

void LockTable::write(const std::string& name, const Record& record, const HostNow& now)
{
    const auto onTheWall = [&now](std::int64_t time) { return time - now.rule.ms + now.wallMs; };
    auto execution = _write.execute();
    execution.bind(1, name).bind(2, record.token).bind(3, static_cast<std::int64_t>(record.fence)).bind(4, toNumber(record.standing));
    execution.bind(5, onTheWall(record.acquiredAt)).bind(6, now.bootId).bind(7, record.expiresAt).bind(8, onTheWall(record.expiresAt));
    execution.bind(9, record.ttl).bind(10, record.metadata).bind(11, record.wantedUntil).run();
}

void LockTable::writeExpiry(const std::string& name, const Record& record, const HostNow& now)
{
    auto execution = _writeExpiry.execute();
    execution.bind(1, name).bind(2, toNumber(record.standing)).bind(3, now.bootId).bind(4, record.expiresAt);
    execution.bind(5, record.expiresAt - now.rule.ms + now.wallMs).bind(6, record.ttl);
    execution.bind(7, record.wantedUntil).run();
}

} // namespace Leasehold
