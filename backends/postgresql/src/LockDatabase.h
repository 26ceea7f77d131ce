#pragma once

#include "LockCalls.h"
#include "LockSchema.h"
#include "ServerTrouble.h"
#include "SessionPool.h"

#include "net/CallFailure.h"

#include "Leasehold/PostgreSQLLockStore.h"
#include "Leasehold/Store/CallContext.h"
#include "Leasehold/Store/VanishedStorageGuard.h"

#include <optional>
#include <string>

namespace Leasehold::PostgreSQL
{

/// The database with the locks, as one store uses it: the sessions, the state of the table, and the messages for what goes wrong.
/// Thread-safe.
class LockDatabase
{
public:
    /// Throws LockConfigurationError for options that cannot be used.
    explicit LockDatabase(PostgreSQLOptions options);

    const PostgreSQLOptions& options() const { return _options; }
    const std::string& place() const { return _place; }
    const LockCalls& calls() const { return _schema.calls(); }
    SessionPool& sessions() { return _sessions; }
    const SessionPool& sessions() const { return _sessions; }

    /// Makes what is missing of the schema. Notices a table that was emptied or replaced.
    void makeReady(SessionPool::Lease& session, const CallContext& context);
    /// Checks the schema and makes nothing. False: it does not exist yet.
    bool check(SessionPool::Lease& session, const CallContext& context);

    /// What the table's content must be for a grant; empty: makeReady was not called yet.
    std::string era() const { return _guard.identity(); }
    /// The table does not exist.
    void missing();
    /// Throws LockStoreUnavailable while grants are refused, because another process may hold leases of a table that vanished.
    void requireGrantsAllowed(Milliseconds ttl);

    /// Carries out one call on its own. nullopt: the schema does not exist. Throws LockStoreError; `what` is the purpose of the call.
    std::optional<Answer> call(Call call, const std::string& what, const CallContext& context);

    /// Runs work for a call. What goes wrong becomes LockStoreUnavailable or LockStoreError; `what` is the purpose, empty: unknown.
    template <typename Work>
    auto explaining(const std::string& what, Work work) const
    {
        try
        {
            return work();
        }
        catch (const Net::CallFailure& failure)
        {
            explain(failure, what);
        }
        catch (const Refusal& refusal)
        {
            refuse(refusal, what);
        }
        catch (const MalformedRow&)
        {
            refuseNonsense(what);
        }
    }

    [[noreturn]] void explain(const Net::CallFailure& failure, const std::string& what) const;
    [[noreturn]] void refuse(const Refusal& refusal, const std::string& what) const;
    [[noreturn]] void refuseNonsense(const std::string& what) const;

private:
    std::string subject(const std::string& what) const;

    const PostgreSQLOptions _options;
    const std::string _place;
    const LockSchema _schema;
    SessionPool _sessions;
    VanishedStorageGuard _guard;
};

} // namespace Leasehold::PostgreSQL
