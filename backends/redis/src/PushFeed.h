#pragma once

#include "LockServer.h"

#include "Leasehold/Store/ForkGuard.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

namespace Leasehold::Redis
{

/// The feed of one service: it subscribes to a channel for each watched name, on a connection and a thread of its own, which exist while
/// names are watched and a little longer.
class PushFeed : public ReleaseFeed
{
public:
    /// `server` is shared, because the store may end before its feed's thread has ended.
    PushFeed(std::shared_ptr<LockServer> server, ReleaseSink& sink);
    ~PushFeed() override;
    PushFeed(const PushFeed&) = delete;
    PushFeed& operator=(const PushFeed&) = delete;

    void watch(const std::string& name) override;
    void unwatch(const std::string& name) override;

private:
    class Subscription;

    void start();
    void run();
    bool mayGoOn();
    void listen();
    bool takeChanges();
    void tellWatching(const std::string& name);
    void tellDeaf(const std::string& why);
    void waitToRetry();

    const std::shared_ptr<LockServer> _server;
    ReleaseSink& _sink;
    const ForkGuard _fork;
    std::stop_source _ending;

    std::mutex _mutex; // guards the members below
    std::condition_variable_any _woken;
    std::set<std::string> _watched;
    std::map<std::string, bool> _touched; // since the thread looked; true: the name is watched
    std::stop_source _wakeUp;             // ends the thread's wait for a message
    bool _running = false;

    // Used by the thread only:
    std::map<std::string, bool> _changes; // taken from _touched
    std::stop_token _wokenUp;             // of _wakeUp
    bool _isDeaf = false;
    unsigned _failures = 0;

    std::thread _thread;
};

} // namespace Leasehold::Redis
