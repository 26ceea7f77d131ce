#include "LockServer.h"

#include "net/CallFailure.h"

#include "Leasehold/TimeSource.h"
#include "Leasehold/printable.h"

#include <algorithm>
#include <random>

namespace Leasehold::Redis
{
namespace
{

using Outcome = Net::CallFailure::Outcome;

// Firewalls forget connections that are idle for long, and then swallow what is sent on them.
constexpr auto maxIdleTime = std::chrono::seconds(30);
/// A session that was used just now is hardly closed yet; looking costs a system call.
constexpr auto surelyOpenTime = std::chrono::milliseconds(5);
constexpr std::size_t maxIdleSessions = 8;
/// One for each repair that a request may need, and the last one.
constexpr int maxAttempts = 4;

std::string newId()
{
    constexpr const char* digits = "0123456789abcdef";
    std::random_device random;
    std::string id;
    for (int digit = 0; digit < 32; ++digit)
        id += digits[random() % 16];
    return id;
}

RedisOptions checked(RedisOptions options)
{
    const auto refuse = [](const char* key, const std::string& why)
    { throw LockConfigurationError(std::string("leasehold.store.redis.") + key + " cannot be used: " + why); };
    constexpr std::size_t longestPrefix = 200;
    const auto& prefix = options.prefix;
    const bool isPlain =
        std::all_of(prefix.begin(), prefix.end(), [](unsigned char c) { return c > ' ' && c < 0x7f && c != '{' && c != '}'; });
    if (prefix.empty() || prefix.size() > longestPrefix || !isPlain)
        refuse("prefix", "allowed are 1 to 200 visible ASCII characters without { and }");
    if (!options.user.empty() && options.password.empty())
        refuse("user", "it needs leasehold.store.redis.password, which a configuration file can hold and a URL cannot");
    if (!options.sentinelUser.empty() && options.sentinelPassword.empty())
        refuse("sentinel_user", "it needs leasehold.store.redis.sentinel_password");
    if (options.sentinel.empty() && !options.sentinelPassword.empty())
        refuse("sentinel_password", "it is set without sentinel, the name of the primary that the sentinels watch");
    if (options.durable && !options.sentinel.empty())
        refuse("durable", "a primary that sentinels replace can lose changes; remove it");
    return options;
}

std::string joined(const std::vector<std::string>& texts)
{
    std::string all;
    for (const auto& text : texts)
        all += (all.empty() ? "" : ", ") + text;
    return all;
}

/// The server has not done anything, because its era is not that of the session.
bool isEndOfEra(const Reply& reply)
{
    return reply.isArrayOf(1) && (reply.items[0].isText("moved") || reply.items[0].isText("gone"));
}

} // namespace

/// An error reply to one of our commands, or the end of the era.
struct LockServer::Refusal
{
    ServerTrouble trouble{};
    std::string command{};
    bool eraEnded = false;
};

LockServer::LockServer(RedisOptions options) :
    _options(checked(std::move(options))), _keys(_options.prefix), _place("redis store " + joined(_options.nodes)),
    _finder(_options, _keys.era)
{
}

std::vector<Reply> LockServer::ask(const Compose& compose, const CallContext& context)
{
    return askUntilDone(false, compose, context);
}

std::vector<Reply> LockServer::askInEra(const Compose& compose, const CallContext& context)
{
    return askUntilDone(true, compose, context);
}

std::vector<Reply> LockServer::askUntilDone(bool inEra, const Compose& compose, const CallContext& context)
{
    Needs needs{.era = inEra};
    for (int tries = 1;; ++tries)
    {
        if (context.timeLeft().count() == 0)
            throw Net::CallFailure(Outcome::notSent, "the call had no time left before it was sent");
        auto session = borrow(context);
        const auto address = session->address();
        try
        {
            auto replies = attempt(*session, needs, compose, context);
            giveBack(std::move(session));
            return replies;
        }
        catch (const Refusal& refusal)
        {
            const std::string what = _place + ": " + address.text() + " refuses " + refusal.command + ": " + refusal.trouble.why;
            needs.scripts = refusal.trouble.meaning == Meaning::scriptMissing;
            if (mayRepeat(std::move(session), refusal) && tries < maxAttempts)
                continue;
            if (refusal.trouble.meaning == Meaning::memoryFull)
                throw MemoryFull(what);
            if (refusal.trouble.meaning == Meaning::scriptFailed)
                throw ScriptFailed(what);
            if (refusal.trouble.meaning == Meaning::missingRight)
                throw MissingRight(what);
            if (refusal.trouble.isUnavailable())
                throw LockStoreUnavailable(what);
            throw LockStoreError(what);
        }
        catch (const Net::CallFailure& failure)
        {
            // The other sessions with a server that is gone would fail one after the other.
            closeIdle();
            _finder.leave(address);
            throw Net::CallFailure(failure.outcome(), address.text() + ": " + failure.what(), failure.isPermanent());
        }
    }
}

/// Throws Refusal and Net::CallFailure.
std::vector<Reply> LockServer::attempt(Session& session, Needs needs, const Compose& compose, const CallContext& context)
{
    const auto exchange = [&](const Commands& wanted)
    {
        // In the same write: another flush could come between two.
        Commands commands;
        if (needs.scripts)
            addScripts(commands);
        const auto before = static_cast<std::ptrdiff_t>(commands.names.size());
        commands.append(wanted);
        auto replies = session.exchange(commands, context);
        for (std::size_t index = 0; index < replies.size(); ++index)
        {
            if (replies[index].type == Reply::Type::error)
                throw Refusal{troubleOf(replies[index].text), std::string(commands.names[index]), false};
        }
        replies.erase(replies.begin(), replies.begin() + before);
        return replies;
    };
    if (needs.era && session.tag.empty())
        openEra(session, exchange(eraCommand()).front());
    const auto commands = compose(session);
    auto replies = exchange(commands);
    if (isEndOfEra(replies.front()))
        throw Refusal{{Meaning::unavailable, "its data was replaced again and again", {}}, std::string(commands.names[0]), true};
    return replies;
}

/// True: the request may be sent again. A session that can be used goes back into the pool.
bool LockServer::mayRepeat(std::unique_ptr<Session> session, const Refusal& refusal)
{
    if (refusal.eraEnded)
    {
        session->tag.clear();
        giveBack(std::move(session));
        return true;
    }
    switch (refusal.trouble.meaning)
    {
    case Meaning::scriptMissing:
        giveBack(std::move(session));
        return true;
    case Meaning::moved:
    {
        auto owner = *refusal.trouble.address;
        if (owner.host.empty())
            owner.host = session->address().host;
        _finder.follow(owner);
        closeIdle();
        return true;
    }
    case Meaning::notPrimary:
        _finder.leave(session->address());
        closeIdle();
        return false;
    case Meaning::memoryFull:
    case Meaning::scriptFailed:
        giveBack(std::move(session));
        return false;
    default:
        return false;
    }
}

Commands LockServer::eraCommand() const
{
    Commands commands;
    commands.add({"EVALSHA", digestOf(Script::era), "1", _keys.era, newId(), _eras.identity(), std::to_string(_eras.longestTtl().count()),
                  _options.durable ? "1" : "0", std::to_string(schemaVersion),
                  std::to_string(std::max<std::int64_t>(_options.pauseAfterStart.count(), 0))});
    return commands;
}

/// Gives the session the tag of this server process, which notices here that the server or its data is another one than before.
void LockServer::openEra(Session& session, const Reply& reply)
{
    if (!reply.isArrayOf(6) || reply.items[0].text.empty())
        refuseNonsense(_place);
    if (const auto& schema = reply.items[4].text; schema != std::to_string(schemaVersion))
        throw LockStoreError(_place + ": the key " + _keys.era + " has the schema \"" + printable(schema) +
                             "\": update this program, or use another prefix");
    session.tag = reply.items[0].text;
    _eras.found(reply.items[3].text, TimeSource::system()->now());
}

std::unique_ptr<Session> LockServer::openSession(const CallContext& context)
{
    return _finder.connect(context);
}

unsigned LockServer::replicasOf(const Session& session) const
{
    return _options.replicas.value_or(session.identity().isCluster() || !_options.sentinel.empty() ? 1 : 0);
}

std::unique_ptr<Session> LockServer::borrow(const CallContext& context)
{
    // Sessions that are not used again are closed after the mutex is unlocked.
    std::vector<std::unique_ptr<Session>> discarded;
    {
        const auto now = std::chrono::steady_clock::now();
        const std::lock_guard lock(_mutex);
        while (!_idle.empty())
        {
            auto session = std::move(_idle.back());
            _idle.pop_back();
            const auto idle = now - session->idleSince;
            if (idle < surelyOpenTime || (idle < maxIdleTime && !session->isStale()))
                return session;
            discarded.push_back(std::move(session));
        }
    }
    return _finder.connect(context);
}

void LockServer::giveBack(std::unique_ptr<Session> session)
{
    session->idleSince = std::chrono::steady_clock::now();
    std::unique_ptr<Session> discarded;
    const std::lock_guard lock(_mutex);
    if (_idle.size() == maxIdleSessions)
    {
        discarded = std::move(_idle.front());
        _idle.erase(_idle.begin());
    }
    _idle.push_back(std::move(session));
}

void LockServer::closeIdle()
{
    std::vector<std::unique_ptr<Session>> discarded;
    const std::lock_guard lock(_mutex);
    discarded.swap(_idle);
}

} // namespace Leasehold::Redis
