#include "PushFeed.h"

#include "PushEvent.h"

#include "net/CallFailure.h"

#include "Leasehold/Store/ReleaseSource.h"

#include <algorithm>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold::Redis
{
namespace
{

using namespace std::chrono_literals;

/// If the server has said nothing for so long, the feed asks whether it is there, and gives up after the same time again.
constexpr Milliseconds silence = 3s;
constexpr Milliseconds sendLimit = 5s;
/// A command of more names would be long.
constexpr std::size_t namesPerCommand = 500;

/// The subscriptions of one connection.
class Subscription
{
public:
    Subscription(std::unique_ptr<Session> session, const LockServer& server) : _session(std::move(session)), _server(server) {}

    /// Subscribes to the names that are watched now (true), and leaves the others. Returns those to which it is subscribed already.
    std::vector<std::string> follow(const std::map<std::string, bool>& changes, const CallContext& context)
    {
        std::vector<std::string> entered, left, confirmed;
        for (const auto& [name, isWatched] : changes)
        {
            const auto known = _confirmed.find(name);
            if (isWatched && known == _confirmed.end())
            {
                entered.push_back(name);
                _confirmed.emplace(name, false);
            }
            else if (isWatched && known->second)
            {
                confirmed.push_back(name);
            }
            else if (!isWatched && known != _confirmed.end())
            {
                left.push_back(name);
                _leaving.insert(name);
                _confirmed.erase(known);
            }
        }
        Commands commands;
        add(commands, isSharded() ? "SSUBSCRIBE" : "SUBSCRIBE", entered);
        add(commands, isSharded() ? "SUNSUBSCRIBE" : "UNSUBSCRIBE", left);
        if (!commands.bytes.empty())
            _session->send(commands, context);
        return confirmed;
    }

    /// The next event. `other`: another message, or none until the end of the wait.
    PushEvent next(const CallContext& context)
    {
        try
        {
            const auto reply = _session->receive(context.shortened(silence));
            _pinged = false;
            return eventOf(reply);
        }
        catch (const Net::CallFailure&)
        {
            if (!_session->mayGoOn())
                throw;
            if (context.cancel().stop_requested() || context.timeLeft().count() <= 0)
                return {};
        }
        if (!_server.isPrimary(_session->address()))
            throw Net::CallFailure(Net::CallFailure::Outcome::unknown, "another server has the locks now");
        if (_pinged)
            throw Net::CallFailure(Net::CallFailure::Outcome::unknown, "the server is silent");
        _pinged = true;
        Commands ping;
        ping.add({"PING"});
        _session->send(ping, CallContext::within(silence));
        return {};
    }

private:
    bool isSharded() const { return _session->identity().isCluster(); }

    void add(Commands& commands, const char* command, const std::vector<std::string>& names) const
    {
        for (std::size_t begin = 0; begin < names.size(); begin += namesPerCommand)
        {
            const auto end = std::min(begin + namesPerCommand, names.size());
            commands.begin(command, 1 + end - begin);
            for (std::size_t index = begin; index < end; ++index)
                commands.addWord(_server.keys().channels + names[index]);
        }
    }

    /// Of a name that is followed, else `other`.
    PushEvent eventOf(const Reply& reply)
    {
        if (reply.type == Reply::Type::error)
            throw LockStoreUnavailable(_session->address().text() + " refuses to subscribe: " + troubleOf(reply.text).why);
        auto event = PushEvent::of(reply, _server.keys());
        if (event.kind == PushEvent::Kind::unsubscribed)
        {
            const auto leaving = _leaving.find(event.name);
            if (leaving == _leaving.end())
                throw LockStoreUnavailable(_session->address().text() + " ended a subscription: the slot has moved to another node");
            _leaving.erase(leaving);
        }
        const auto known = _confirmed.find(event.name);
        if (known == _confirmed.end())
            return {};
        if (event.kind == PushEvent::Kind::subscribed)
            known->second = true;
        return event;
    }

    const std::unique_ptr<Session> _session;
    const LockServer& _server;
    std::map<std::string, bool> _confirmed;
    std::multiset<std::string> _leaving;
    bool _pinged = false;
};

/// Subscribes on one connection after another.
class PushSource : public ReleaseSource
{
public:
    explicit PushSource(std::shared_ptr<LockServer> server) : _server(std::move(server)) {}

    void connect(const CallContext& context) override
    {
        _end = context.cancel();
        _subscription = std::make_unique<Subscription>(_server->openSession(context), *_server);
    }

    void listen(Names& names, const CallContext& context) override
    {
        for (const auto& name : _subscription->follow(names.takeChanges(), CallContext::within(sendLimit, _end)))
            names.confirm(name);
        const auto event = _subscription->next(context);
        if (event.kind == PushEvent::Kind::subscribed)
            names.confirm(event.name);
        else if (event.kind == PushEvent::Kind::released)
            names.mayBeFree(event.name);
    }

    void disconnect() noexcept override { _subscription.reset(); }

private:
    const std::shared_ptr<LockServer> _server;
    std::stop_token _end;
    std::unique_ptr<Subscription> _subscription;
};

} // namespace

std::unique_ptr<ReleaseFeed> makePushFeed(std::shared_ptr<LockServer> server, ReleaseSink& sink)
{
    const auto place = server->place();
    return makeListeningFeed(place, std::make_unique<PushSource>(std::move(server)), sink);
}

} // namespace Leasehold::Redis
