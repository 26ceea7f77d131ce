#include "Leasehold/Store/ReleaseSource.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/ForkGuard.h"
#include "Leasehold/Store/ServiceThread.h"
#include "Leasehold/TimeSource.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

namespace Leasehold
{
namespace
{

constexpr Milliseconds linger{1000};
constexpr Milliseconds connectLimit{10'000};
/// The source is called again after this time without an event.
constexpr Milliseconds longestListen{60'000};
constexpr Milliseconds firstPause{200}, longestPause{5000};

/// The feed's state and thread. In a forked child it is kept: its thread does not exist there, and its mutex may be locked.
class Listening final : private ReleaseSource::Names
{
public:
    /// Throws LockException if the system has no descriptor left.
    Listening(std::string place, std::unique_ptr<ReleaseSource> source, ReleaseSink& sink) :
        _place(std::move(place)), _source(std::move(source)), _sink(sink)
    {
    }

    bool isForeign() const noexcept { return _fork.isForeign(); }

    void watch(const std::string& name)
    {
        const std::lock_guard guard(_mutex);
        if (!_watched.insert(name).second)
            return;
        _changes[name] = true;
        _changed.request_stop();
        if (!_running)
            start();
    }

    void unwatch(const std::string& name)
    {
        const std::lock_guard guard(_mutex);
        if (_watched.erase(name) == 0)
            return;
        _changes[name] = false;
        _leftAt = LocalClock::now();
        _changed.request_stop();
    }

    void end()
    {
        _end.request_stop();
        _pauseWaiter->wake();
        {
            const std::lock_guard guard(_mutex);
            _changed.request_stop();
        }
        if (_thread.joinable())
            _thread.join();
    }

private:
    /// The mutex must be locked.
    void start()
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

    void run()
    {
        bool isConnected = false;
        while (const auto context = nextListen())
        {
            try
            {
                if (!isConnected)
                {
                    static_cast<void>(takeChanges()); // of an earlier connection
                    unconfirmAll();
                    _source->connect(CallContext::within(connectLimit, _end.get_token()));
                }
                isConnected = true;
                _source->listen(*this, *context);
            }
            catch (const std::exception& problem)
            {
                isConnected = false;
                _source->disconnect();
                if (!_end.stop_requested())
                    failed(problem.what());
            }
        }
        _source->disconnect();
    }

    /// nullopt: the thread must end, because the feed ends or because no name has been watched for a while.
    std::optional<CallContext> nextListen()
    {
        const std::lock_guard guard(_mutex);
        const auto left = _watched.empty() ? std::chrono::ceil<Milliseconds>(_leftAt + linger - LocalClock::now()) : longestListen;
        _running = !_end.stop_requested() && left.count() > 0;
        if (!_running)
            return std::nullopt;
        _changed = std::stop_source();
        return CallContext::within(left, _changed.get_token());
    }

    void failed(const std::string& why)
    {
        if (!std::exchange(_isDeaf, true))
            _sink.deaf(_place.empty() ? why : _place + ": " + why);
        _pauseWaiter->waitUntil(later(LocalClock::now(), _pause));
        _pause = std::min(2 * _pause, longestPause);
    }

    std::map<std::string, bool> takeChanges() override
    {
        const std::lock_guard guard(_mutex);
        return std::exchange(_changes, {});
    }

    void confirm(const std::string& name) override
    {
        if (!isWatched(name))
            return;
        _isDeaf = false;
        _pause = firstPause;
        _sink.watching(name);
    }

    void confirmNew() override
    {
        for (const auto& [name, begins] : takeChanges())
            if (begins)
                confirm(name);
    }

    void unconfirmAll() override
    {
        const std::lock_guard guard(_mutex);
        for (const auto& name : _watched)
            _changes[name] = true;
    }

    void mayBeFree(const std::string& name) override
    {
        if (isWatched(name))
            _sink.mayBeFree(name);
    }

    void anyMayBeFree() override
    {
        std::set<std::string> names;
        {
            const std::lock_guard guard(_mutex);
            names = _watched;
        }
        for (const auto& name : names)
            _sink.mayBeFree(name);
    }

    bool isWatched(const std::string& name)
    {
        const std::lock_guard guard(_mutex);
        return _watched.contains(name);
    }

    const std::string _place;
    const std::unique_ptr<ReleaseSource> _source;
    ReleaseSink& _sink;
    const ForkGuard _fork;
    std::stop_source _end;
    const std::unique_ptr<TimeSource::Waiter> _pauseWaiter = TimeSource::system()->makeWaiter();

    std::mutex _mutex; // guards the members below
    std::set<std::string> _watched;
    std::map<std::string, bool> _changes;
    std::stop_source _changed; // ends the present listen
    LocalTime _leftAt{};       // when a watch ended
    bool _running = false;

    // Used by the thread only:
    bool _isDeaf = false;
    Milliseconds _pause = firstPause;

    std::thread _thread;
};

class ListeningFeed : public ReleaseFeed
{
public:
    explicit ListeningFeed(std::shared_ptr<Listening> listening) : _listening(std::move(listening)) {}

    ~ListeningFeed() override
    {
        if (_listening->isForeign())
            ForkGuard::keepForever(std::move(_listening));
        else
            _listening->end();
    }

    void watch(const std::string& name) override { _listening->watch(name); }
    void unwatch(const std::string& name) override { _listening->unwatch(name); }

private:
    std::shared_ptr<Listening> _listening;
};

} // namespace

std::unique_ptr<ReleaseFeed> makeListeningFeed(std::string place, std::unique_ptr<ReleaseSource> source, ReleaseSink& sink)
{
    try
    {
        return std::make_unique<ListeningFeed>(std::make_shared<Listening>(std::move(place), std::move(source), sink));
    }
    catch (const LockException&)
    {
        return nullptr; // the service polls
    }
}

} // namespace Leasehold
