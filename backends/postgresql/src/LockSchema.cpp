#include "LockSchema.h"

#include "ServerTrouble.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/printable.h"

#include <algorithm>

namespace Leasehold::PostgreSQL
{

namespace
{

constexpr std::int64_t schemaNumber = 1;
constexpr const char* columns = "name bytea, token bytea, fence bigint, standing smallint, acquired bigint, expires bigint, ttl bigint, "
                                "metadata bytea, wanted bigint";
// Of the set-up; any number that no other program uses for an advisory lock.
constexpr const char* advisoryLock = "7813597702154";

} // namespace

LockSchema::LockSchema(const std::string& schema, std::string place) : _schema(schema), _place(std::move(place)), _calls(schema) {}

bool LockSchema::isName(const std::string& schema)
{
    const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !schema.empty() && schema.size() <= 63 && std::all_of(schema.begin(), schema.end(), allowed) &&
           !(schema.front() >= '0' && schema.front() <= '9') && !schema.starts_with("pg_");
}

std::string LockSchema::text(const std::string& schema)
{
    const std::string from = "\"leasehold\"", to = '"' + schema + '"';
    std::string result = schemaText;
    for (auto at = result.find(from); at != std::string::npos; at = result.find(from, at + to.size()))
        result.replace(at, from.size(), to);
    return result;
}

SchemaState LockSchema::look(Session& session, const CallContext& context) const
{
    const Call call = _calls.schemaState();
    return LockCalls::readSchemaState(session.run({&call, 1}, context).at(0).row(0));
}

LockSchema::Found LockSchema::examine(Session& session, const CallContext& context) const
{
    const auto state = look(session, context);
    if (state.tableKind.empty())
        return {};
    const std::string repair = "; move it away, or set the key schema to another schema";
    if (state.tableKind == "ru")
        throw LockStoreError(_place + ": the table " + _schema + ".lock is unlogged, so a crash of the server would empty it" + repair);
    if (state.tableKind != "rp")
        throw LockStoreError(_place + ": " + _schema + ".lock is not an ordinary table" + repair);
    if (!state.columns.starts_with(columns))
        throw LockStoreError(_place + ": the table " + _schema + ".lock has other columns (" + printable(state.columns.substr(0, 300)) +
                             ") than this version of Leasehold needs (" + columns + ")" + repair);
    Found found{true, std::nullopt};
    if (!state.functionsComplete)
        return found;
    const Call call = _calls.tableContent();
    found.content = LockCalls::readTableContent(session.run({&call, 1}, context).at(0).row(0));
    if (found.content && found.content->schemaNumber != schemaNumber)
        throw LockStoreError(_place + ": the schema number of the table " + _schema + ".lock is " +
                             std::to_string(found.content->schemaNumber) + ", and this version of Leasehold knows " +
                             std::to_string(schemaNumber) + ": it is left as it is; use the version of Leasehold that made it");
    return found;
}

void LockSchema::setUp(Session& session, const CallContext& context) const
{
    try
    {
        session.runScript(std::string("BEGIN; SET LOCAL lock_timeout = '10s'; SET LOCAL search_path = pg_catalog; "
                                      "SELECT pg_advisory_xact_lock(") +
                              advisoryLock + ")",
                          context);
        // Another process may have done it meanwhile. To replace a function would make every session plan its statements again.
        if (!examine(session, context).content)
            session.runScript(text(_schema), context);
        session.runScript("COMMIT", context);
    }
    catch (const Refusal& refusal)
    {
        session.abandon(); // its transaction has failed
        if (refusal.meaning() != Meaning::permanent)
            throw;
        throw LockStoreError(_place + ": a part of the schema " + _schema +
                             " is missing or was emptied, and it cannot be made: " + refusal.what() +
                             "; let an operator run leasehold-postgresql.sql as operating.md of the PostgreSQL store says");
    }
    catch (const std::exception&)
    {
        session.abandon();
        throw;
    }
}

} // namespace Leasehold::PostgreSQL
