#include "Leasehold/RedisLockStore.h"

#include "LockSteps.h"
#include "PushFeed.h"
#include "preparation.h"

#include "net/CallFailure.h"

#include <algorithm>

namespace Leasehold
{

using namespace Redis;

namespace
{

/// A script of more steps would block the server for longer than 10 ms.
constexpr std::size_t stepsPerRequest = 500;
constexpr std::size_t bytesPerRequest = 1'000'000;
constexpr std::size_t namesPerPage = 100;
constexpr std::size_t prunedPerCall = 1000;
/// How far the clocks of two servers may differ: after a failover another one judges the same lease.
constexpr Milliseconds clockUncertainty{50};
/// A replica that is slower than this must not hold up the group for the whole deadline of its calls.
constexpr Milliseconds longestConfirmation{1000};

/// Throws the exception for a request without an answer. `what`: the purpose of the call.
[[noreturn]] void explain(const Net::CallFailure& failure, const std::string& what)
{
    const std::string message =
        what + ": " + failure.what() +
        (failure.outcome() == Net::CallFailure::Outcome::notSent ? "; nothing was sent" : "; whether it took effect is unknown");
    if (failure.isPermanent())
        throw LockStoreError(message);
    throw LockStoreUnavailable(message);
}

/// Runs `work`; its exceptions say what could not be done: "cannot find the lock \"a\"".
template <typename Work>
auto doing(const std::string& what, const LockServer& server, const Work& work)
{
    try
    {
        return work();
    }
    catch (const Net::CallFailure& failure)
    {
        explain(failure, "cannot " + what + ": " + server.place());
    }
    catch (const LockStoreUnavailable& problem)
    {
        throw LockStoreUnavailable("cannot " + what + ": " + problem.message());
    }
    catch (const LockStoreError& problem)
    {
        throw LockStoreError("cannot " + what + ": " + problem.message());
    }
}

/// Notes the TTLs of the leases that steps without an answer may have begun or extended.
void noteTtls(std::span<BatchStep* const> steps, LockServer& server)
{
    for (const auto* const step : steps)
    {
        if (const auto* const acquire = step->acquire())
            server.noteTtl(acquire->ttl);
        else if (const auto* const renewal = step->renewal())
            server.noteTtl(renewal->ttl);
    }
}

/// The number of replicas that confirm is known only when there is a session.
struct Confirmation
{
    unsigned needed = 0;
    Milliseconds limit{};

    /// Adds the wait for the replicas to the same write: WAIT counts the last change of its own connection.
    void ask(Commands& commands, const Session& session, const LockServer& server, const CallContext& context)
    {
        needed = server.replicasOf(session);
        if (needed == 0)
            return;
        limit = std::clamp<Milliseconds>(context.timeLeft() * 3 / 4, Milliseconds(1), longestConfirmation);
        commands.add({"WAIT", std::to_string(needed), std::to_string(limit.count())});
    }

    /// Why the change does not count; empty: it does.
    std::string doubt(const std::vector<Reply>& replies) const
    {
        if (needed == 0 || (replies.back().type == Reply::Type::integer && replies.back().integer >= needed))
            return {};
        return "only " + std::to_string(std::max<std::int64_t>(replies.back().integer, 0)) + " of " + std::to_string(needed) +
               " replicas confirmed the change within " + std::to_string(limit.count()) + " ms; a failover could undo it";
    }
};

/// The bound of the names that begin with `prefix`, for ZRANGEBYLEX: "(b" for "a".
std::string endOf(std::string prefix)
{
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff)
        prefix.pop_back();
    if (prefix.empty())
        return "+";
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
    return "(" + prefix;
}

/// The records of these locks, nullopt for those that are not live.
std::vector<std::optional<LockRecord>> recordsOf(const std::vector<std::string>& names, LockServer& server, const CallContext& context)
{
    const auto replies = server.ask(
        [&](const Session&)
        {
            Commands commands;
            commands.begin("EVALSHA", 4 + names.size());
            commands.addWord(digestOf(Script::records));
            commands.addWord(std::to_string(1 + names.size()));
            commands.addWord(server.keys().era);
            for (const auto& name : names)
                commands.addWord(server.keys().lock(name));
            return commands;
        },
        context);
    std::vector<std::optional<LockRecord>> records;
    for (std::size_t index = 0; index < names.size(); ++index)
        records.push_back(recordIn(replies.front(), 1 + index, names[index], server.place()));
    return records;
}

} // namespace

RedisLockStore::RedisLockStore(RedisOptions options) : RedisLockStore(std::make_shared<LockServer>(std::move(options)), Delegated{}) {}

RedisLockStore::RedisLockStore(std::shared_ptr<LockServer> server, Delegated) :
    BatchedLockStore(server->place(), {.steps = stepsPerRequest, .bytes = bytesPerRequest}), _server(std::move(server))
{
}

RedisLockStore::~RedisLockStore()
{
    if (isForeign())
        ForkGuard::keepForever(std::move(_server));
}

StoreInfo RedisLockStore::info() const
{
    const auto& options = _server->options();
    StoreInfo info;
    info.type = "redis";
    info.location = _server->addresses() + (options.sentinel.empty() ? "" : ", primary " + options.sentinel) + ", database " +
                    std::to_string(options.database) + ", prefix " + options.prefix;
    info.durable = options.durable;
    info.sharedAcrossHosts = true;
    info.clockUncertainty = clockUncertainty;
    info.reservesFences = true;
    info.tellsWanted = true;
    return info;
}

void RedisLockStore::prepare(const CallContext& context)
{
    requireNative();
    doing("prepare", *_server, [&] { Redis::prepare(*_server, context); });
}

void RedisLockStore::prepareToRead(const CallContext& context)
{
    requireNative();
    // Opening a session checks the server and the schema.
    static_cast<void>(engine(context));
}

std::string RedisLockStore::encode(const BatchStep& step) const
{
    return encodedStep(step);
}

void RedisLockStore::carryOut(Batch& batch)
{
    try
    {
        send(batch, true);
    }
    catch (const MemoryFull& problem)
    {
        // The whole request was refused. Renewals and releases need no memory.
        bool others = false;
        for (auto* const step : batch.steps())
        {
            if (step->acquire())
                step->fail(problem);
            else
                others = true;
        }
        if (others)
            send(batch, false);
    }
}

void RedisLockStore::send(Batch& batch, bool withAcquires)
{
    std::vector<BatchStep*> steps;
    Confirmation confirmation;
    const auto compose = [&](const Session& session)
    {
        const auto all = batch.steps();
        steps.assign(all.begin(), all.end());
        if (!withAcquires)
            std::erase_if(steps, [](const auto* step) { return step->acquire() != nullptr; });
        Commands commands;
        addSteps(commands, steps, _server->keys(), session);
        if (std::any_of(steps.begin(), steps.end(), [](const auto* step) { return step->release() == nullptr; }))
            confirmation.ask(commands, session, *_server, batch.context());
        return commands;
    };
    try
    {
        const auto replies = _server->askInEra(compose, batch.context());
        _server->noteTtl(settle(steps, replies.front(), place()));
        if (const auto doubt = confirmation.doubt(replies); !doubt.empty())
            failUnconfirmed(steps, place() + ": " + doubt);
    }
    catch (const Net::CallFailure& failure)
    {
        if (failure.outcome() == Net::CallFailure::Outcome::notSent)
            batch.nothingWasSent();
        else
            noteTtls(steps, *_server);
        explain(failure, place());
    }
    catch (const ScriptFailed&)
    {
        // One lock's damaged key must not fail the others. The steps before it were carried out.
        for (auto* const step : steps)
            step->markSentAgain();
        batch.contentWasRefused();
        throw;
    }
}

std::optional<LockRecord> RedisLockStore::find(const std::string& name, const CallContext& context)
{
    requireNative();
    return doing("find the lock \"" + name + "\"", *_server, [&] { return recordsOf({name}, *_server, context).front(); });
}

std::vector<LockRecord> RedisLockStore::list(const ListQuery& query, const CallContext& context)
{
    requireNative();
    const auto end = endOf(query.prefix);
    std::string begin = query.prefix.empty() ? "-" : "[" + query.prefix;
    if (!query.after.empty() && query.after >= query.prefix)
        begin = "(" + query.after;
    std::vector<LockRecord> found;
    return doing("list locks", *_server,
                 [&]
                 {
                     while (found.size() < query.limit)
                     {
                         const auto compose = [&](const Session&)
                         {
                             Commands commands;
                             commands.add({"ZRANGEBYLEX", _server->keys().names, begin, end, "LIMIT", "0", std::to_string(namesPerPage)});
                             return commands;
                         };
                         const auto names = namesIn(_server->ask(compose, context).front(), place());
                         if (names.empty())
                             return found;
                         begin = "(" + names.back();
                         for (auto& record : recordsOf(names, *_server, context))
                         {
                             if (record && found.size() < query.limit)
                                 found.push_back(std::move(*record));
                         }
                     }
                     return found;
                 });
}

bool RedisLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    requireNative();
    const auto& keys = _server->keys();
    return doing("break the lock \"" + name + "\"", *_server,
                 [&]
                 {
                     Confirmation confirmation;
                     const auto compose = [&](const Session& session)
                     {
                         Commands commands;
                         commands.add({"EVALSHA", digestOf(Script::breakLock), "2", keys.era, keys.lock(name), session.tag,
                                       std::to_string(expected), mode == BreakMode::now ? "now" : "end",
                                       LockServer::publishingCommand(session), keys.channels + name});
                         confirmation.ask(commands, session, *_server, context);
                         return commands;
                     };
                     const auto replies = _server->askInEra(compose, context);
                     const bool isBroken = numberIn(replies.front(), place()) != 0;
                     if (const auto doubt = confirmation.doubt(replies); isBroken && !doubt.empty())
                         throw LockStoreUnavailable(place() + ": " + doubt);
                     return isBroken;
                 });
}

std::size_t RedisLockStore::prune(Milliseconds retention, const CallContext& context)
{
    requireNative();
    const auto& keys = _server->keys();
    const auto age = std::to_string(std::max<std::int64_t>(retention.count(), 0));
    const auto forget = [&](std::span<const std::string> names)
    {
        const auto compose = [&](const Session& session)
        {
            Commands commands;
            commands.begin("EVALSHA", 8 + 2 * names.size());
            commands.addWord(digestOf(Script::forget));
            commands.addWord(std::to_string(3 + names.size()));
            for (const auto& key : {keys.era, keys.names, keys.ages})
                commands.addWord(key);
            for (const auto& name : names)
                commands.addWord(keys.lock(name));
            commands.addWord(session.tag);
            commands.addWord(age);
            for (const auto& name : names)
                commands.addWord(name);
            return commands;
        };
        return static_cast<std::size_t>(numberIn(_server->askInEra(compose, context).front(), place()));
    };
    const auto candidates = [&]
    {
        const auto compose = [&](const Session&)
        {
            Commands commands;
            commands.add({"EVALSHA", digestOf(Script::candidates), "1", keys.ages, age, std::to_string(prunedPerCall)});
            return commands;
        };
        return namesIn(_server->ask(compose, context).front(), place());
    };
    return doing("forget old locks", *_server,
                 [&]
                 {
                     std::size_t forgotten = 0;
                     // A page of locks that are still in use forgets nothing; then look at the next one.
                     for (auto names = candidates(); !names.empty() && forgotten == 0; names = forgotten == 0 ? candidates() : names)
                     {
                         for (std::size_t begin = 0; begin < names.size(); begin += namesPerPage)
                             forgotten += forget(std::span(names).subspan(begin, std::min(namesPerPage, names.size() - begin)));
                     }
                     return forgotten;
                 });
}

std::string RedisLockStore::engine(const CallContext& context)
{
    requireNative();
    std::string server;
    doing("ask the server for its version", *_server,
          [&]
          {
              _server->ask(
                  [&](const Session& session)
                  {
                      server = session.identity().text();
                      Commands commands;
                      commands.add({"PING"});
                      return commands;
                  },
                  context);
          });
    return server;
}

std::unique_ptr<ReleaseFeed> RedisLockStore::releaseFeed(ReleaseSink& sink)
{
    return makePushFeed(_server, sink);
}

} // namespace Leasehold
