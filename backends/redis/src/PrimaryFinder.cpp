#include "PrimaryFinder.h"

#include "ServerTrouble.h"

#include "net/CallFailure.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/RedisLockStore.h"

#include <algorithm>
#include <random>

namespace Leasehold::Redis
{
namespace
{

using Outcome = Net::CallFailure::Outcome;

constexpr std::uint16_t serverPort = 6379, sentinelPort = 26379;
/// Nodes of a cluster that disagree could send a client around for ever.
constexpr int maxRedirections = 5;
constexpr const char* keyPrefix = "leasehold.store.redis.";

std::vector<ServerAddress> addressesOf(const RedisOptions& options)
{
    const std::string key = std::string(keyPrefix) + "nodes";
    std::vector<ServerAddress> addresses;
    for (const auto& node : options.nodes)
    {
        addresses.push_back(ServerAddress::parse(node, key, options.sentinel.empty() ? serverPort : sentinelPort));
        if (!addresses.back().host.empty())
            continue;
        static_cast<void>(Net::Connection::unixAddress(node, key));
        if (options.tls)
            throw LockConfigurationError(node + " is a unix socket, which has no TLS: remove " + keyPrefix + "tls");
    }
    if (addresses.empty())
        throw LockConfigurationError(key + " is empty: name at least one server");
    return addresses;
}

std::vector<std::string> textsOf(const std::vector<ServerAddress>& addresses)
{
    std::vector<std::string> texts(addresses.size());
    std::transform(addresses.begin(), addresses.end(), texts.begin(), [](const auto& address) { return address.text(); });
    return texts;
}

} // namespace

/// The nodes that were tried for one session, and what happened to each.
class PrimaryFinder::Attempt
{
public:
    void note(const ServerAddress& address, const std::string& why, bool permanent)
    {
        _permanent = _permanent && permanent;
        _troubles += (_troubles.empty() ? "" : "; ") + address.text() + ": " + why;
    }

    [[noreturn]] void fail() const
    {
        throw Net::CallFailure(Outcome::notSent, _troubles.empty() ? "no time was left to connect" : _troubles,
                               _permanent && !_troubles.empty());
    }

private:
    std::string _troubles;
    bool _permanent = true;
};

PrimaryFinder::PrimaryFinder(const RedisOptions& options, std::string eraKey) :
    _nodes(addressesOf(options)),
    _primaryName(options.sentinel), _login{options.user, options.password, options.database}, _sentinelLogin{options.sentinelUser,
                                                                                                             options.sentinelPassword, 0},
    _eraKey(std::move(eraKey)),
    // Processes that start together should not all ask the same sentinel. Servers are asked in the order of the configuration.
    _choice(textsOf(_nodes), _primaryName.empty() ? 0 : std::random_device()())
{
    if (options.tls)
        _tls.emplace(Net::TlsFiles{options.caFile, options.clientCertificateFile, options.clientKeyFile}, keyPrefix);
}

std::unique_ptr<Session> PrimaryFinder::connect(const CallContext& context)
{
    Attempt attempt;
    const auto order = _choice.order();
    auto owner = preferred();
    std::size_t left = order.size() + (owner ? 1 : 0);
    // A node that never answers must leave time for those after it.
    const auto share = [&] { return context.shortened(context.timeLeft() / static_cast<int>(left--)); };
    const auto hasTime = [&] { return context.timeLeft().count() > 0 && !context.cancel().stop_requested(); };
    if (owner && hasTime())
    {
        try
        {
            return openPrimary(*owner, share());
        }
        catch (const Net::CallFailure& failure)
        {
            leave(*owner);
            attempt.note(*owner, failure.what(), failure.isPermanent());
        }
    }
    for (const auto index : order)
    {
        if (!hasTime())
            break;
        const auto part = share();
        try
        {
            auto session = openPrimary(_primaryName.empty() ? _nodes[index] : askSentinel(_nodes[index], part), part);
            _choice.answered(index);
            return session;
        }
        catch (const Net::CallFailure& failure)
        {
            if (!context.cancel().stop_requested())
                _choice.failed(index, failure.what());
            attempt.note(_nodes[index], failure.what(), failure.isPermanent());
        }
    }
    attempt.fail();
}

std::unique_ptr<Session> PrimaryFinder::greeted(const ServerAddress& address, const Login& login, const CallContext& context)
{
    auto session = std::make_unique<Session>(address, _tls ? &*_tls : nullptr);
    session->connect(_resolver, context);
    session->greet(login, context);
    return session;
}

/// A session with the server at this address, or with the node of its cluster that has the locks.
std::unique_ptr<Session> PrimaryFinder::openPrimary(ServerAddress address, const CallContext& context)
{
    for (int redirections = 0; redirections <= maxRedirections; ++redirections)
    {
        auto session = greeted(address, _login, context);
        if (session->identity().isSentinel())
            throw LockStoreError(address.text() + " is a sentinel: set " + keyPrefix +
                                 "sentinel to the name of the primary that it watches");
        // In a cluster a replica names its primary.
        if (!session->identity().isPrimary() && !session->identity().isCluster())
            throw Net::CallFailure(Outcome::notSent, "it is a replica; locks need the primary");
        const auto owner = session->openLocks(_eraKey, context);
        if (!owner)
        {
            if (!session->identity().isPrimary())
                throw Net::CallFailure(Outcome::notSent, "it is a replica; locks need the primary");
            const std::lock_guard lock(_mutex);
            _last = address;
            if (redirections > 0)
                _slotOwner = address;
            return session;
        }
        address = *owner;
    }
    throw Net::CallFailure(Outcome::notSent, "the nodes of the cluster do not agree which of them has the slot of the prefix");
}

ServerAddress PrimaryFinder::askSentinel(const ServerAddress& sentinel, const CallContext& context)
{
    const auto session = greeted(sentinel, _sentinelLogin, context);
    if (!session->identity().isSentinel())
        throw LockStoreError(sentinel.text() + " is no sentinel, but " + keyPrefix + "sentinel is set: name sentinels in " + keyPrefix +
                             "nodes");
    Commands commands;
    commands.add({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", _primaryName});
    Reply reply;
    try
    {
        reply = session->exchange(commands, context).front();
    }
    catch (const Net::CallFailure& failure)
    {
        throw Net::CallFailure(Outcome::notSent, failure.what());
    }
    if (reply.type == Reply::Type::error)
        throw Net::CallFailure(Outcome::notSent, "the sentinel refuses to name the primary: " + troubleOf(reply.text).why);
    if (reply.type == Reply::Type::nil)
        throw Net::CallFailure(Outcome::notSent, "the sentinel watches no primary called " + _primaryName);
    std::optional<ServerAddress> address;
    if (reply.isArrayOf(2))
        address = ServerAddress::ofServer(reply.items[0].text + ":" + reply.items[1].text);
    if (!address || address->host.empty())
        throw Net::CallFailure(Outcome::notSent, "the answer of the sentinel names no server");
    return *address;
}

void PrimaryFinder::follow(const ServerAddress& address)
{
    const std::lock_guard lock(_mutex);
    _slotOwner = address;
}

void PrimaryFinder::leave(const ServerAddress& address)
{
    const std::lock_guard lock(_mutex);
    if (_slotOwner == address)
        _slotOwner.reset();
}

bool PrimaryFinder::isLast(const ServerAddress& address) const
{
    const std::lock_guard lock(_mutex);
    return _last == address;
}

std::optional<ServerAddress> PrimaryFinder::preferred() const
{
    const std::lock_guard lock(_mutex);
    return _slotOwner;
}

} // namespace Leasehold::Redis
