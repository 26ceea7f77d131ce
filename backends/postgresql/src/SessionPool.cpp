#include "SessionPool.h"

#include "ServerTrouble.h"
#include "connectionParameters.h"
#include "net/CallFailure.h"

#include <algorithm>
#include <random>

namespace Leasehold::PostgreSQL
{

using Net::CallFailure;
using Outcome = Net::CallFailure::Outcome;

namespace
{

constexpr std::size_t idleSessions = 4;
constexpr std::int64_t oldestVersion = 120000, firstWithTransactionTimeout = 170000;

std::vector<ServerAddress> parsed(const std::vector<std::string>& hosts)
{
    std::vector<ServerAddress> addresses;
    addresses.reserve(hosts.size());
    for (const auto& host : hosts)
        addresses.push_back(ServerAddress::parse(host, "leasehold.store.postgresql.hosts"));
    return addresses;
}

std::vector<std::string> texts(const std::vector<ServerAddress>& addresses)
{
    std::vector<std::string> result;
    result.reserve(addresses.size());
    for (const auto& address : addresses)
        result.push_back(address.text());
    return result;
}

/// The part of the call that one of `left` attempts may take.
CallContext share(const CallContext& context, std::size_t left)
{
    return context.shortened(context.timeLeft() / static_cast<int>(left));
}

} // namespace

void requireUsable(const SessionState& state, PostgreSQLPooler pooler)
{
    if (state.version < oldestVersion)
        throw CallFailure(Outcome::notSent,
                          "the server is of version " + std::to_string(state.version / 10000) + ": use PostgreSQL 12 or newer", true);
    if (state.isStandby)
        throw CallFailure(Outcome::notSent, "the server is a standby");
    if (state.isReadOnly)
        throw CallFailure(Outcome::notSent, "the session is read only: set default_transaction_read_only to off for this user");
    if (!state.readsCommitted)
        throw CallFailure(Outcome::notSent,
                          "the session does not run at read committed: set default_transaction_isolation to read committed for this user",
                          true);
    if (pooler == PostgreSQLPooler::none && state.lockTimeout != std::to_string(lockTimeoutMs / 1000) + "s")
        throw CallFailure(Outcome::notSent, "a pooler has dropped the settings of the connection: set pooler = transaction", true);
}

SessionPool::SessionPool(PostgreSQLOptions options, const LockCalls& calls) :
    _options(std::move(options)), _calls(calls), _addresses(parsed(_options.hosts)), _servers(texts(_addresses), 0)
{
}

SessionPool::Lease::~Lease()
{
    if (_session)
        _pool->giveBack(std::move(_session), _server);
}

std::vector<Answer> SessionPool::Lease::run(std::vector<Call> calls, const CallContext& context)
{
    const bool pooled = _pool->_options.pooler == PostgreSQLPooler::transaction;
    if (pooled)
        calls.insert(calls.begin(), _pool->_calls.prelude(_pool->_commitsAsynchronously));
    std::vector<Answer> answers;
    try
    {
        answers = _session->run(calls, context);
    }
    catch (const Refusal& refusal)
    {
        if (refusal.meaning() != Meaning::notPrepared || pooled)
            throw;
        _session->stopPreparing();
        answers = _session->run(calls, context);
    }
    if (pooled)
        answers.erase(answers.begin());
    return answers;
}

void SessionPool::Lease::reportFailed(const std::string& why)
{
    _session->abandon();
    _pool->_servers.failed(_server, why);
}

SessionPool::Lease SessionPool::take(const CallContext& context)
{
    for (;;)
    {
        Idle idle;
        {
            const std::lock_guard guard(_mutex);
            if (_idle.empty())
                break;
            idle = std::move(_idle.back());
            _idle.pop_back();
        }
        if (!idle.session->isStale())
            return {*this, std::move(idle.session), idle.server};
    }
    return connect(context);
}

SessionPool::Lease SessionPool::connect(const CallContext& context)
{
    std::string trouble;
    bool permanent = true;
    const auto order = _servers.order();
    for (std::size_t tried = 0; tried < order.size() && context.timeLeft().count() > 0; ++tried)
    {
        const auto server = order[tried];
        try
        {
            auto session = connectTo(server, share(context, order.size() - tried));
            _servers.answered(server);
            return {*this, std::move(session), server};
        }
        catch (const CallFailure& failure)
        {
            _servers.failed(server, failure.what());
            permanent = permanent && failure.isPermanent();
            trouble += (trouble.empty() ? "" : "; ") + _servers.address(server) + ": " + failure.what();
        }
        if (context.cancel().stop_requested())
            break;
    }
    if (trouble.empty())
        throw CallFailure(Outcome::notSent, "no time was left to connect");
    throw CallFailure(Outcome::notSent, trouble, permanent);
}

std::unique_ptr<Session> SessionPool::connectTo(std::size_t server, const CallContext& context)
{
    auto session = connectToAddress(_addresses[server], context);
    try
    {
        admit(*session, context);
    }
    catch (const Refusal& refusal)
    {
        throw CallFailure(Outcome::notSent, refusal.what(), refusal.meaning() == Meaning::permanent);
    }
    catch (const MalformedRow&)
    {
        throw CallFailure(Outcome::notSent, "its answer makes no sense: is it a PostgreSQL server?", true);
    }
    catch (const CallFailure& failure) // whatever happened to this question, the call itself was not sent
    {
        throw CallFailure(Outcome::notSent, failure.what(), failure.isPermanent());
    }
    return session;
}

std::unique_ptr<Session> SessionPool::connectToAddress(const ServerAddress& server, const CallContext& context)
{
    if (server.isUnixSocket())
        return std::make_unique<Session>(connectionParameters(_options, server, {}), context);
    const auto addresses = _resolver.resolve(server.host, server.port, context);
    std::string trouble;
    bool permanent = true;
    for (std::size_t tried = 0; tried < addresses.size() && context.timeLeft().count() > 0; ++tried)
    {
        const auto numeric = addresses[tried].host();
        try
        {
            auto session = std::make_unique<Session>(connectionParameters(_options, server, numeric.toString()),
                                                     share(context, addresses.size() - tried));
            _resolver.prefer(server.host, numeric);
            return session;
        }
        catch (const CallFailure& failure)
        {
            permanent = permanent && failure.isPermanent();
            trouble += (trouble.empty() ? "" : ", ") + (addresses.size() == 1 ? "" : numeric.toString() + ": ") + failure.what();
        }
    }
    _resolver.forget(server.host);
    if (trouble.empty())
        throw CallFailure(Outcome::notSent, "no time was left to connect");
    throw CallFailure(Outcome::notSent, trouble, permanent);
}

/// Asks a new session whether it can be used, and sets what the start of the connection could not.
void SessionPool::admit(Session& session, const CallContext& context)
{
    const bool pooled = _options.pooler == PostgreSQLPooler::transaction;
    if (pooled)
        session.stopPreparing();
    const Call question = _calls.sessionState();
    const auto state = LockCalls::readSessionState(session.run({&question, 1}, context).at(0).row(0));
    requireUsable(state, _options.pooler);
    _flushes = state.flushes;
    _commitsAsynchronously = state.commitsAsynchronously;
    const bool hasTransactionTimeout = state.version >= firstWithTransactionTimeout;
    if (!pooled && (state.commitsAsynchronously || hasTransactionTimeout))
    {
        const Call settings = _calls.sessionSettings(state.commitsAsynchronously, hasTransactionTimeout);
        session.run({&settings, 1}, context);
    }
}

void SessionPool::giveBack(std::unique_ptr<Session> session, std::size_t server)
{
    if (!session->isUsable())
        return;
    const std::lock_guard guard(_mutex);
    if (_idle.size() < idleSessions)
        _idle.push_back({std::move(session), server});
}

} // namespace Leasehold::PostgreSQL
