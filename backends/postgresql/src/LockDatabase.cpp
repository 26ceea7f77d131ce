#include "LockDatabase.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>

namespace Leasehold::PostgreSQL
{

namespace
{

constexpr const char* keyPrefix = "leasehold.store.postgresql.";

PostgreSQLOptions checked(PostgreSQLOptions options)
{
    const auto refuse = [](const std::string& key, const std::string& problem)
    { throw LockConfigurationError(keyPrefix + key + " " + problem); };
    if (options.hosts.empty())
        refuse("hosts", "is empty: allowed is a host or several, separated by commas");
    if (options.database.empty())
        refuse("database", "is empty: allowed is the name of a database");
    if (options.user.empty())
        refuse("user", "is empty: allowed is the name of a role of the server");
    if (!options.password.empty() && !options.passfile.empty())
        refuse("passfile", std::string("and ") + keyPrefix + "password are both set: use one of them");
    if (options.clientCertificateFile.empty() != options.clientKeyFile.empty())
        refuse(options.clientKeyFile.empty() ? "client_certificate_file" : "client_key_file",
               std::string("is set without ") + keyPrefix +
                   (options.clientKeyFile.empty() ? "client_key_file" : "client_certificate_file") + ": set both or neither");
    if (!LockSchema::isName(options.schema))
        refuse("schema", "is no name of a schema: allowed are up to 63 of a-z, 0-9 and _, without a digit or pg_ at the beginning");
    return options;
}

std::string placeOf(const PostgreSQLOptions& options)
{
    std::string hosts;
    for (const auto& host : options.hosts)
        hosts += (hosts.empty() ? "" : ", ") + ServerAddress::parse(host, std::string(keyPrefix) + "hosts").text();
    return "postgresql store " + hosts + ", database " + options.database + ", schema " + options.schema;
}

} // namespace

LockDatabase::LockDatabase(PostgreSQLOptions options) :
    _options(checked(std::move(options))), _place(placeOf(_options)), _schema(_options.schema, _place), _sessions(_options, _schema.calls())
{
}

void LockDatabase::makeReady(SessionPool::Lease& session, const CallContext& context)
{
    if (check(session, context))
        return;
    _schema.setUp(*session, context);
    if (!check(session, context))
        throw LockStoreUnavailable(_place + ": the schema vanished again; another program may be dropping it");
}

bool LockDatabase::check(SessionPool::Lease& session, const CallContext& context)
{
    const auto found = _schema.examine(*session, context);
    // A missing function harms no lease, a missing table or an emptied one does.
    if (found.content)
        _guard.found(found.content->era, LocalClock::now());
    else
        _guard.missing(LocalClock::now());
    return found.content.has_value();
}

void LockDatabase::missing()
{
    _guard.missing(LocalClock::now());
}

void LockDatabase::requireGrantsAllowed(Milliseconds ttl)
{
    _guard.noteTtl(ttl);
    _guard.requireGrantsAllowed(_place, LocalClock::now());
}

std::optional<Answer> LockDatabase::call(Call call, const std::string& what, const CallContext& context)
{
    return explaining(what,
                      [&]() -> std::optional<Answer>
                      {
                          auto session = _sessions.take(context);
                          try
                          {
                              return session.run({std::move(call)}, context).at(0);
                          }
                          catch (const Refusal& refusal)
                          {
                              if (refusal.meaning() == Meaning::otherServer)
                                  session.reportFailed(refusal.what());
                              if (refusal.meaning() != Meaning::schemaMissing)
                                  throw;
                              missing();
                              return std::nullopt;
                          }
                      });
}

std::string LockDatabase::subject(const std::string& what) const
{
    return what.empty() ? _place : "cannot " + what + " in the " + _place;
}

void LockDatabase::explain(const Net::CallFailure& failure, const std::string& what) const
{
    const std::string message =
        subject(what) + ": " + failure.what() +
        (failure.outcome() == Net::CallFailure::Outcome::notSent ? "; nothing was sent" : "; whether it took effect is unknown");
    if (failure.isPermanent())
        throw LockStoreError(message);
    throw LockStoreUnavailable(message);
}

void LockDatabase::refuse(const Refusal& refusal, const std::string& what) const
{
    const std::string message = subject(what) + ": the server refused with " + refusal.what();
    if (refusal.meaning() == Meaning::permanent)
        throw LockStoreError(message);
    throw LockStoreUnavailable(message);
}

void LockDatabase::refuseNonsense(const std::string& what) const
{
    throw LockStoreError(subject(what) + ": the answer of the server makes no sense: are the functions those of this version of Leasehold, "
                                         "and does only this store write to the table?");
}

} // namespace Leasehold::PostgreSQL
