#include "WatchFeed.h"

#include "txnText.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/ServiceThread.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <system_error>

namespace Leasehold::Etcd
{

namespace
{

using namespace std::chrono_literals;

// How long the thread outlives the last waiter. Otherwise a process that waits in a loop would start a thread each time.
constexpr Milliseconds linger = 1s;
constexpr Milliseconds openingLimit = 10s;
constexpr Milliseconds shortestBackOff = 200ms;
constexpr Milliseconds longestBackOff = 10s;

} // namespace

WatchFeed::~WatchFeed()
{
    if (_fork.isForeign()) // the thread and the connection belong to the parent
    {
        ForkGuard::keepForever(std::make_shared<std::thread>(std::move(_thread)));
        ForkGuard::keepForever(std::shared_ptr<Net::HttpStream>(std::move(_stream)));
        return;
    }
    _end.request_stop();
    if (_thread.joinable())
        _thread.join();
}

void WatchFeed::watch(const std::string& name)
{
    const std::lock_guard lock(_mutex);
    if (!_watched.insert(name).second)
        return;
    if (!_running)
        start();
    if (_hears)
        _sink.watching(name);
}

void WatchFeed::unwatch(const std::string& name)
{
    const std::lock_guard lock(_mutex);
    _watched.erase(name);
}

void WatchFeed::start()
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

void WatchFeed::run()
{
    _nextRevision = 0;
    _backOff = shortestBackOff;
    for (bool quiet = false; mayGoOn(quiet);)
    {
        try
        {
            quiet = listen();
        }
        catch (const LockStoreError& problem)
        {
            isDeaf(problem.message());
        }
        catch (const Net::CallFailure& failure)
        {
            isDeaf(failure.what());
        }
    }
    _stream.reset();
}

// False: the thread must end, because the feed ends or because nobody has waited since the last check.
bool WatchFeed::mayGoOn(bool quiet)
{
    const std::lock_guard lock(_mutex);
    _running = !_end.stop_requested() && !(quiet && _watched.empty());
    _hears = _hears && _running;
    return _running;
}

// Reads for a moment. True: there was no event.
bool WatchFeed::listen()
{
    if (!_stream || LocalClock::now() - _openedAt > _oldest)
        open();
    const auto line = _stream->readLine(CallContext::within(linger, _end.get_token()));
    if (line)
        handle(*line);
    else if (_stream->isOver())
        throw LockStoreUnavailable("the node ended the watch");
    else // it would have told older events by now
        _nextRevision = std::max(_nextRevision, _revisionWhenOpened + 1);
    return !line;
}

void WatchFeed::open()
{
    const auto context = CallContext::within(openingLimit, _end.get_token());
    auto stream = _gateway.stream("/v3/watch", watchText(_root, _nextRevision), context);
    const auto first = stream->readLine(context);
    const auto line = first ? readWatchLine(*first) : std::nullopt;
    if (!line || !line->created || line->cancelled)
    {
        _gateway.forgetToken(); // a refused token cancels the watch
        throw LockStoreUnavailable("etcd did not begin the watch");
    }
    _stream = std::move(stream);
    _openedAt = LocalClock::now();
    _revisionWhenOpened = line->revision;
    if (_nextRevision == 0)
        _nextRevision = line->revision + 1;
    hears();
}

void WatchFeed::handle(const std::string& text)
{
    const auto line = readWatchLine(text);
    if (!line)
        throw LockStoreUnavailable("a line of the watch makes no sense");
    if (line->cancelled)
        throw LockStoreUnavailable("etcd cancelled the watch");
    _nextRevision = std::max(_nextRevision, line->revision + 1);
    const std::lock_guard lock(_mutex);
    for (const auto& key : line->put)
    {
        const auto name = key.starts_with(_root) ? key.substr(_root.size()) : std::string();
        if (_watched.contains(name))
            _sink.mayBeFree(name);
    }
}

void WatchFeed::hears()
{
    _backOff = shortestBackOff;
    const std::lock_guard lock(_mutex);
    _saidDeaf = false;
    if (std::exchange(_hears, true))
        return;
    for (const auto& name : _watched)
        _sink.watching(name);
}

void WatchFeed::isDeaf(const std::string& why)
{
    _stream.reset();
    _nextRevision = 0;
    std::unique_lock lock(_mutex);
    _hears = false;
    if (_end.stop_requested())
        return;
    if (!std::exchange(_saidDeaf, true))
        _sink.deaf(why);
    _pause.wait_for(lock, _end.get_token(), _backOff, [] { return false; });
    _backOff = std::min(_backOff * 2, longestBackOff);
}

} // namespace Leasehold::Etcd
