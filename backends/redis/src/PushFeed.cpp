#include "PushFeed.h"

#include "PushEvent.h"

#include "net/CallFailure.h"

#include "Leasehold/Store/ServiceThread.h"

#include <algorithm>
#include <system_error>

namespace Leasehold::Redis
{
namespace
{

using namespace std::chrono_literals;

/// How long the thread outlives the last watch. Otherwise a process that waits in a loop would connect each time.
constexpr Milliseconds linger = 1s;
/// If the server has said nothing for so long, the feed asks whether it is there, and gives up after the same time again.
constexpr Milliseconds silence = 3s;
constexpr Milliseconds connectLimit = 5s;
constexpr Milliseconds firstRetry = 100ms, longestRetry = 5s;
/// A command of more names would be long.
constexpr std::size_t namesPerCommand = 500;

} // namespace

/// The subscriptions of one connection.
class PushFeed::Subscription
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

    /// The next event; nullopt: the wait has ended, so that the caller looks at what is wanted.
    std::optional<PushEvent> next(const std::stop_token& wakeUp)
    {
        try
        {
            const auto reply = _session->receive(CallContext::within(silence, wakeUp));
            _pinged = false;
            return eventOf(reply);
        }
        catch (const Net::CallFailure&)
        {
            if (!_session->mayGoOn())
                throw;
            if (wakeUp.stop_requested())
                return std::nullopt;
        }
        if (!_server.isPrimary(_session->address()))
            throw Net::CallFailure(Net::CallFailure::Outcome::unknown, "another server has the locks now");
        if (_pinged)
            throw Net::CallFailure(Net::CallFailure::Outcome::unknown, "the server is silent");
        _pinged = true;
        Commands ping;
        ping.add({"PING"});
        _session->send(ping, CallContext::within(silence));
        return std::nullopt;
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

PushFeed::PushFeed(std::shared_ptr<LockServer> server, ReleaseSink& sink) : _server(std::move(server)), _sink(sink) {}

PushFeed::~PushFeed()
{
    if (_fork.isForeign()) // the thread belongs to the parent
    {
        ForkGuard::keepForever(std::make_shared<std::thread>(std::move(_thread)));
        ForkGuard::keepForever(_server);
        return;
    }
    _ending.request_stop();
    {
        const std::lock_guard lock(_mutex);
        _wakeUp.request_stop();
        _woken.notify_all();
    }
    if (_thread.joinable())
        _thread.join();
}

void PushFeed::watch(const std::string& name)
{
    const std::lock_guard lock(_mutex);
    if (!_watched.insert(name).second)
        return;
    _touched[name] = true;
    _wakeUp.request_stop();
    _woken.notify_all();
    if (!_running)
        start();
}

void PushFeed::unwatch(const std::string& name)
{
    const std::lock_guard lock(_mutex);
    if (_watched.erase(name) == 0)
        return;
    _touched[name] = false;
    _wakeUp.request_stop();
}

/// The mutex must be locked.
void PushFeed::start()
{
    if (_thread.joinable())
        _thread.join(); // it has ended, or is about to end without locking the mutex
    try
    {
        _thread = startServiceThread([this] { run(); });
        _running = true;
    }
    catch (const std::system_error&)
    {
        // The watch stays unconfirmed, so the waiter polls. The next watch tries again.
    }
}

void PushFeed::run()
{
    while (mayGoOn())
    {
        try
        {
            listen();
        }
        catch (const std::exception& problem)
        {
            if (_ending.stop_requested())
                continue;
            tellDeaf(problem.what());
            waitToRetry();
        }
    }
}

/// False: the thread must end.
bool PushFeed::mayGoOn()
{
    const std::lock_guard lock(_mutex);
    _running = !_ending.stop_requested() && !_watched.empty();
    return _running;
}

/// Returns when no name is watched any more.
void PushFeed::listen()
{
    Subscription subscription(_server->openSession(CallContext::within(connectLimit, _ending.get_token())), *_server);
    {
        const std::lock_guard lock(_mutex);
        for (const auto& name : _watched)
            _touched[name] = true;
    }
    while (takeChanges())
    {
        for (const auto& name : subscription.follow(_changes, CallContext::within(connectLimit, _ending.get_token())))
            tellWatching(name);
        while (const auto event = subscription.next(_wokenUp))
        {
            if (event->kind == PushEvent::Kind::subscribed)
                tellWatching(event->name);
            else if (event->kind == PushEvent::Kind::released)
                _sink.mayBeFree(event->name);
        }
    }
}

/// False: no name is watched any more.
bool PushFeed::takeChanges()
{
    std::unique_lock lock(_mutex);
    _woken.wait_for(lock, _ending.get_token(), linger, [this] { return !_watched.empty(); });
    if (_watched.empty() || _ending.stop_requested())
        return false;
    _changes.clear();
    _changes.swap(_touched);
    _wakeUp = std::stop_source();
    _wokenUp = _wakeUp.get_token();
    return true;
}

void PushFeed::tellWatching(const std::string& name)
{
    {
        const std::lock_guard lock(_mutex);
        if (!_watched.contains(name))
            return;
    }
    _isDeaf = false;
    _failures = 0;
    _sink.watching(name);
}

void PushFeed::tellDeaf(const std::string& why)
{
    if (!std::exchange(_isDeaf, true))
        _sink.deaf(_server->place() + ": " + why);
}

void PushFeed::waitToRetry()
{
    const auto pause = std::min<Milliseconds>(firstRetry * (1U << std::min(_failures++, 6U)), longestRetry);
    std::unique_lock lock(_mutex);
    _woken.wait_for(lock, _ending.get_token(), pause, [] { return false; });
}

} // namespace Leasehold::Redis
