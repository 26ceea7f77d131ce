#pragma once

#include "Gateway.h"
#include "LockKeys.h"

#include "Leasehold/Store/ForkGuard.h"
#include "Leasehold/Store/ReleaseFeed.h"
#include "Leasehold/TimeSource.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

namespace Leasehold::Etcd
{

/// The feed of one service: one watch of etcd for all names, on a connection of its own. Its thread runs while names are watched, and one
/// second longer.
///
/// A connection that died in silence cannot be told from one without events, so the watch begins again every minute, at the revision where
/// the last one ended: so it misses nothing. After a failure each waiter asks the storage once.
class WatchFeed : public ReleaseFeed
{
public:
    /// `oldest`: the age at which the watch begins again.
    WatchFeed(Gateway& gateway, const LockKeys& keys, ReleaseSink& sink, Milliseconds oldest = std::chrono::minutes{1}) :
        _gateway(gateway), _root(keys.freed({})), _sink(sink), _oldest(oldest)
    {
    }
    ~WatchFeed() override;

    void watch(const std::string& name) override;
    void unwatch(const std::string& name) override;

private:
    void start(); // under the mutex
    void run();
    bool mayGoOn(bool quiet);
    bool listen();
    void open();
    void handle(const std::string& line);
    void hears();
    void isDeaf(const std::string& why);

    Gateway& _gateway;
    const std::string _root; // of the keys that are watched
    ReleaseSink& _sink;
    const Milliseconds _oldest;
    const ForkGuard _fork{};
    std::stop_source _end{};
    std::thread _thread{};

    // Only the thread uses these:
    std::unique_ptr<Net::HttpStream> _stream{};
    LocalTime _openedAt{};
    std::int64_t _revisionWhenOpened = 0;
    std::int64_t _nextRevision = 0; // 0: the watch begins now
    Milliseconds _backOff{};

    std::mutex _mutex; // guards the members below; locked while the sink is called, which does not call back
    std::condition_variable_any _pause{};
    std::set<std::string> _watched{};
    bool _running = false;
    bool _hears = false;
    bool _saidDeaf = false;
};

} // namespace Leasehold::Etcd
