#pragma once

#include "Session.h"

#include "Leasehold/Store/Batch.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace Leasehold::PostgreSQL
{

/// The answer to an acquire, as acquire_1 gives it.
struct AcquireVerdict
{
    enum class Status
    {
        granted,
        held,
        spent,
        noFenceLeft,
        contention, ///< too many wrote this lock at once
        otherEra    ///< the table was emptied or replaced
    };
    Status status = Status::contention;
    LockRecord record{}; ///< when granted or held
};

/// What the store must know of its table before it may grant.
struct SchemaState
{
    std::string tableKind{};       ///< relkind and relpersistence; empty: no table
    std::string columns{};         ///< "name bytea, token bytea, ..."
    bool functionsComplete = true; ///< false: at least one is missing
};

/// The schema number and the era of the table's content; nullopt: it was emptied.
struct TableContent
{
    std::int64_t schemaNumber = 0;
    std::string era{};
};

/// Whether a session can be used, as the server says it.
struct SessionState
{
    std::int64_t version = 0; ///< 150018 is 15.18
    bool isStandby = false;
    bool isReadOnly = false;
    bool readsCommitted = false;
    bool commitsAsynchronously = false; ///< synchronous_commit is off by default
    bool flushes = false;               ///< fsync is on
    std::string lockTimeout{};
};

/// The calls of the functions in one schema, and the reading of their answers. Reading throws MalformedRow for rows that are not what the
/// functions return. Immutable.
class LockCalls
{
public:
    explicit LockCalls(const std::string& schema);

    /// The settings of a transaction through a pooler, whose sessions have those of others. `commitsNow`: see SessionState.
    Call prelude(bool commitsSynchronously) const;
    /// The settings of a session that the start of a connection cannot set.
    Call sessionSettings(bool commitsSynchronously, bool hasTransactionTimeout) const;
    Call sessionState() const;
    Call schemaState() const;
    Call tableContent() const;
    Call ping() const;
    Call listen() const;

    Call acquire(const AcquireRequest& request, const std::string& era) const;
    /// `waits`: for rows that other sessions have locked, for a quarter of a second; the steps must be sorted by name.
    Call renew(std::span<BatchStep* const> steps, bool waits) const;
    Call release(const LeaseRef& lease) const;
    Call breakLock(const std::string& name, Fence expected, BreakMode mode) const;
    Call prune(Milliseconds retention) const;
    Call find(const std::string& name) const;
    Call list(const ListQuery& query, std::size_t limit) const;

    static SessionState readSessionState(const Row& row);
    static SchemaState readSchemaState(const Row& row);
    static std::optional<TableContent> readTableContent(const Row& row);
    static AcquireVerdict readAcquire(const AcquireRequest& request, const Row& row);
    /// One reply for each of these renewals.
    static std::vector<RenewReply> readRenew(std::span<BatchStep* const> steps, const Row& row);
    static ReleaseReply readRelease(const Row& row);
    static LockRecord readRecord(const Row& row);

private:
    Statement _prelude, _sessionSettings, _sessionState, _schemaState, _tableContent, _ping, _listen, _acquire, _renew, _release, _break,
        _prune, _list;
};

} // namespace Leasehold::PostgreSQL
