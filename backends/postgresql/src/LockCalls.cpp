#include "LockCalls.h"

#include "connectionParameters.h"

#include "Leasehold/Fence.h"

#include <algorithm>

namespace Leasehold::PostgreSQL
{

namespace
{

using enum TypeNumber;

constexpr Milliseconds longestRetention{9'000'000'000'000}; // in microseconds it still fits into a bigint

StorageTime toTime(std::int64_t microseconds)
{
    return StorageTime(std::chrono::floor<Milliseconds>(std::chrono::microseconds(microseconds)));
}

/// A live lease has at least a millisecond left.
Milliseconds remaining(std::int64_t expires, std::int64_t now)
{
    return std::max(std::chrono::floor<Milliseconds>(std::chrono::microseconds(expires - now)), Milliseconds(1));
}

Fence readFence(const Row& row, std::size_t column)
{
    const auto fence = row.integer(column);
    if (fence <= 0 || static_cast<Fence>(fence) > maxFence)
        throw MalformedRow("a fence is out of range");
    return static_cast<Fence>(fence);
}

/// The columns from `first` on: now, fence, acquired, expires, ttl, metadata, broken.
LockRecord readRecordFrom(const Row& row, std::size_t first, const std::string& name)
{
    LockRecord record;
    record.name = name;
    const auto now = row.integer(first);
    record.fence = readFence(row, first + 1);
    record.acquiredAt = toTime(row.integer(first + 2));
    const auto expires = row.integer(first + 3);
    if (now <= 0 || expires <= now)
        throw MalformedRow("a live lease has ended");
    record.expiresAt = toTime(expires);
    record.remaining = remaining(expires, now);
    record.ttl = Milliseconds(row.integer(first + 4));
    record.metadata = row.bytes(first + 5);
    record.broken = row.flag(first + 6);
    return record;
}

std::string quotedTexts(const std::vector<std::string>& texts)
{
    std::string list;
    for (const auto& text : texts)
        list += (list.empty() ? "'" : ", '") + text + "'";
    return list;
}

/// Says which part of the schema is there. It uses no operator, because the search path may be that of another client of a pooler.
std::string schemaStateText(const std::string& schema)
{
    const std::string table = "pg_catalog.to_regclass('" + schema + ".lock')";
    const std::vector<std::string> functions{schema + ".about_1()",
                                             schema + ".acquire_1(bytea, bytea, bigint, bytea, bigint, bigint, bigint, text)",
                                             schema + ".renew_1(bytea[], bytea[], bigint[], bigint[], boolean)",
                                             schema + ".release_1(bytea, bytea, bigint)",
                                             schema + ".break_1(bytea, bigint, boolean)",
                                             schema + ".prune_1(bigint)",
                                             schema + ".list_1(bytea, bytea, bytea, bigint)"};
    return "SELECT (SELECT pg_catalog.concat(c.relkind, c.relpersistence) FROM pg_catalog.pg_class c WHERE c.oid "
           "OPERATOR(pg_catalog.=) " +
           table +
           "), (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' "
           "ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) " +
           table +
           " AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped), "
           "(SELECT pg_catalog.bool_and(pg_catalog.to_regprocedure(f.signature) IS NOT NULL) FROM pg_catalog.unnest(ARRAY[" +
           quotedTexts(functions) + "]) AS f(signature))";
}

} // namespace

LockCalls::LockCalls(const std::string& schemaName)
{
    const std::string schema = '"' + schemaName + '"';
    const auto setting = [](const char* name, const char* value, const char* local)
    { return std::string("pg_catalog.set_config('") + name + "', " + value + ", " + local + ")"; };
    _prelude = {"leasehold_prelude",
                "SELECT " + setting("search_path", "'pg_catalog'", "true") + ", " +
                    setting("lock_timeout", ("'" + std::to_string(lockTimeoutMs) + "'").c_str(), "true") + ", " +
                    setting("enable_seqscan", "'off'", "true") + ", " + setting("jit", "'off'", "true") + ", CASE WHEN $1 THEN " +
                    setting("synchronous_commit", "'on'", "true") + " END",
                {flag}};
    _sessionSettings = {"leasehold_settings",
                        "SELECT CASE WHEN $1 THEN " + setting("synchronous_commit", "'on'", "false") + " END, CASE WHEN $2 THEN " +
                            setting("transaction_timeout", "'10s'", "false") + " END",
                        {flag, flag}};
    const auto current = [](const char* name) { return std::string("pg_catalog.current_setting('") + name + "')"; };
    _sessionState = {"leasehold_session",
                     "SELECT " + current("server_version_num") + "::bigint, pg_catalog.pg_is_in_recovery(), " +
                         current("transaction_read_only") + ", " + current("transaction_isolation") + ", " + current("synchronous_commit") +
                         ", " + current("fsync") + ", " + current("lock_timeout"),
                     {}};
    _schemaState = {"leasehold_schema", schemaStateText(schema), {}};
    _tableContent = {"leasehold_about", "SELECT o_schema, o_era FROM " + schema + ".about_1()", {}};
    _ping = {"leasehold_ping", "SELECT 1", {}};
    _listen = {"leasehold_listen", "LISTEN leasehold", {}};
    _acquire = {"leasehold_acquire",
                "SELECT o_status, o_now, o_fence, o_acquired, o_expires, o_ttl, o_metadata, o_broken FROM " + schema +
                    ".acquire_1($1, $2, $3, $4, $5, $6, $7, $8)",
                {bytes, bytes, integer, bytes, integer, integer, integer, text}};
    _renew = {
        "leasehold_renew", "SELECT " + schema + ".renew_1($1, $2, $3, $4, $5)", {byteArray, byteArray, integerArray, integerArray, flag}};
    _release = {"leasehold_release", "SELECT " + schema + ".release_1($1, $2, $3)", {bytes, bytes, integer}};
    _break = {"leasehold_break", "SELECT " + schema + ".break_1($1, $2, $3)", {bytes, integer, flag}};
    _prune = {"leasehold_prune", "SELECT " + schema + ".prune_1($1)", {integer}};
    _list = {"leasehold_list",
             "SELECT o_name, o_now, o_fence, o_acquired, o_expires, o_ttl, o_metadata, o_broken FROM " + schema + ".list_1($1, $2, $3, $4)",
             {bytes, bytes, bytes, integer}};
}

Call LockCalls::prelude(bool commitsSynchronously) const
{
    return {&_prelude, Parameters().flag(commitsSynchronously)};
}

Call LockCalls::sessionSettings(bool commitsSynchronously, bool hasTransactionTimeout) const
{
    return {&_sessionSettings, Parameters().flag(commitsSynchronously).flag(hasTransactionTimeout)};
}

Call LockCalls::sessionState() const
{
    return {&_sessionState, {}};
}

Call LockCalls::schemaState() const
{
    return {&_schemaState, {}};
}

Call LockCalls::tableContent() const
{
    return {&_tableContent, {}};
}

Call LockCalls::ping() const
{
    return {&_ping, {}};
}

Call LockCalls::listen() const
{
    return {&_listen, {}};
}

Call LockCalls::acquire(const AcquireRequest& request, const std::string& era) const
{
    return {&_acquire, Parameters()
                           .bytes(request.name)
                           .bytes(request.token)
                           .integer(request.ttl.count())
                           .bytes(request.metadata)
                           .integer(static_cast<std::int64_t>(request.fenceFloor))
                           .integer(static_cast<std::int64_t>(request.reservedFences))
                           .integer(request.wantedFor.count())
                           .bytes(era)};
}

Call LockCalls::renew(std::span<BatchStep* const> steps, bool waits) const
{
    std::vector<std::string_view> names, tokens;
    std::vector<std::int64_t> fences, ttls;
    for (const auto* const step : steps)
    {
        const auto& [lease, ttl] = *step->renewal();
        names.emplace_back(lease.name);
        tokens.emplace_back(lease.token);
        fences.push_back(static_cast<std::int64_t>(lease.fence));
        ttls.push_back(ttl.count());
    }
    return {&_renew, Parameters().byteArray(names).byteArray(tokens).integerArray(fences).integerArray(ttls).flag(waits)};
}

Call LockCalls::release(const LeaseRef& lease) const
{
    return {&_release, Parameters().bytes(lease.name).bytes(lease.token).integer(static_cast<std::int64_t>(lease.fence))};
}

Call LockCalls::breakLock(const std::string& name, Fence expected, BreakMode mode) const
{
    return {&_break, Parameters().bytes(name).integer(static_cast<std::int64_t>(expected)).flag(mode == BreakMode::now)};
}

Call LockCalls::prune(Milliseconds retention) const
{
    return {&_prune, Parameters().integer(std::min(retention, longestRetention).count())};
}

Call LockCalls::find(const std::string& name) const
{
    return {&_list, Parameters().bytes(name).bytes(name + '\0').bytes({}).integer(1)};
}

Call LockCalls::list(const ListQuery& query, std::size_t limit) const
{
    // No name has the byte 0xff, because names are UTF-8.
    return {&_list,
            Parameters().bytes(query.prefix).bytes(query.prefix + '\xff').bytes(query.after).integer(static_cast<std::int64_t>(limit))};
}

SessionState LockCalls::readSessionState(const Row& row)
{
    SessionState state;
    state.version = row.integer(0);
    state.isStandby = row.flag(1);
    state.isReadOnly = row.bytes(2) != "off";
    state.readsCommitted = row.bytes(3) == "read committed";
    state.commitsAsynchronously = row.bytes(4) == "off";
    state.flushes = row.bytes(5) == "on";
    state.lockTimeout = row.bytes(6);
    return state;
}

SchemaState LockCalls::readSchemaState(const Row& row)
{
    SchemaState state;
    if (!row.isNull(0))
        state.tableKind = row.bytes(0);
    if (!row.isNull(1))
        state.columns = row.bytes(1);
    state.functionsComplete = row.flag(2);
    return state;
}

std::optional<TableContent> LockCalls::readTableContent(const Row& row)
{
    if (row.isNull(0) || row.isNull(1))
        return std::nullopt;
    return TableContent{row.integer(0), row.bytes(1)};
}

AcquireVerdict LockCalls::readAcquire(const AcquireRequest& request, const Row& row)
{
    const auto status = row.integer(0);
    if (status < 0 || status > static_cast<std::int64_t>(AcquireVerdict::Status::otherEra))
        throw MalformedRow("an unknown status");
    AcquireVerdict verdict{static_cast<AcquireVerdict::Status>(status), {}};
    if (verdict.status == AcquireVerdict::Status::granted || verdict.status == AcquireVerdict::Status::held)
        verdict.record = readRecordFrom(row, 1, request.name);
    else
        verdict.record.name = request.name;
    return verdict;
}

std::vector<RenewReply> LockCalls::readRenew(std::span<BatchStep* const> steps, const Row& row)
{
    const auto statuses = row.bytes(0);
    if (statuses.size() != steps.size())
        throw MalformedRow("not one status for each lease");
    std::vector<RenewReply> replies;
    for (std::size_t index = 0; index < steps.size(); ++index)
    {
        switch (statuses[index])
        {
        case '0':
            replies.push_back({.status = RenewStatus::renewed, .remaining = steps[index]->renewal()->ttl});
            break;
        case '1':
        case '3':
            replies.push_back({.status = RenewStatus::lost, .broken = statuses[index] == '3'});
            break;
        case '2':
            replies.push_back({.status = RenewStatus::unavailable, .reason = "another session has locked the row of this lock"});
            break;
        default:
            throw MalformedRow("an unknown status");
        }
    }
    return replies;
}

ReleaseReply LockCalls::readRelease(const Row& row)
{
    switch (row.integer(0))
    {
    case 0:
        return {.status = ReleaseStatus::released};
    case 1:
        return {.status = ReleaseStatus::released, .wanted = true};
    case 2:
        return {.status = ReleaseStatus::notHeld};
    case 3:
        return {.status = ReleaseStatus::notHeld, .broken = true};
    default:
        throw MalformedRow("an unknown status");
    }
}

LockRecord LockCalls::readRecord(const Row& row)
{
    return readRecordFrom(row, 1, row.bytes(0));
}

} // namespace Leasehold::PostgreSQL
