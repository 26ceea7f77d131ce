#include "Leasehold/Store/ReleaseFeed.h"
#include "brokenStores.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{
namespace
{

/// A layer between the feed and the service, in which a fault can change the events.
class Between : public ReleaseSink
{
public:
    explicit Between(ReleaseSink& service) : _service(service) {}
    void watching(const std::string& name) override { _service.watching(name); }
    void mayBeFree(const std::string& name) override { _service.mayBeFree(name); }
    void lost(std::span<const LeaseRef> leases) override { _service.lost(leases); }
    void deaf(const std::string& why) override { _service.deaf(why); }

private:
    ReleaseSink& _service;
};

/// The inner feed with another sink.
template <typename Sink>
class FeedWith : public ReleaseFeed
{
public:
    FeedWith(ReleaseHub& feeds, ReleaseSink& service) : _sink(service), _inner(feeds.makeFeed(_sink)) {}
    void watch(const std::string& name) override { _inner->watch(name); }
    void unwatch(const std::string& name) override { _inner->unwatch(name); }

private:
    Sink _sink;
    std::unique_ptr<ReleaseFeed> _inner;
};

class ReleaseIsNotToldToOthers : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void tellReleased(const std::string&, const ReleaseReply&) override {}
};

class EveryReleaseIsTold : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void tellReleased(const std::string& name, const ReleaseReply&) override { storage().feeds().tellFree(name); }
};

class BreakIsNotToldToWaiters : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void tellBroken(const std::string&, BreakMode) override {}
};

class WatchIsNotConfirmed : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    struct Sink : Between
    {
        using Between::Between;
        void watching(const std::string&) override {}
    };
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override
    {
        return std::make_unique<FeedWith<Sink>>(storage().feeds(), sink);
    }
};

class WatchIsConfirmedBeforeItHears : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    struct Feed : ReleaseFeed
    {
        Feed(ReleaseHub& feeds, ReleaseSink& service) : sink(service), inner(feeds.makeFeed(service)) {}
        void watch(const std::string& name) override
        {
            if (asked.exchange(true))
                inner->watch(name);
            else
                sink.watching(name); // the first request to subscribe is still on its way
        }
        void unwatch(const std::string& name) override { inner->unwatch(name); }
        ReleaseSink& sink;
        std::unique_ptr<ReleaseFeed> inner;
        std::atomic<bool> asked{false};
    };
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override { return std::make_unique<Feed>(storage().feeds(), sink); }
};

class UnwatchIsIgnored : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    struct Feed : FeedWith<Between>
    {
        using FeedWith<Between>::FeedWith;
        void unwatch(const std::string&) override {}
    };
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override { return std::make_unique<Feed>(storage().feeds(), sink); }
};

class FeedOutlivesItsEnd : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    struct Feed : ReleaseFeed
    {
        explicit Feed(std::shared_ptr<ReleaseFeed> kept) : inner(std::move(kept)) {}
        void watch(const std::string& name) override { inner->watch(name); }
        void unwatch(const std::string& name) override { inner->unwatch(name); }
        std::shared_ptr<ReleaseFeed> inner;
    };
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override
    {
        const std::lock_guard guard(_mutex);
        return std::make_unique<Feed>(_feeds.emplace_back(storage().feeds().makeFeed(sink)));
    }
    std::mutex _mutex;
    std::vector<std::shared_ptr<ReleaseFeed>> _feeds;
};

class DeafnessIsNotTold : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    struct Sink : Between
    {
        using Between::Between;
        void deaf(const std::string&) override {}
    };
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override
    {
        return std::make_unique<FeedWith<Sink>>(storage().feeds(), sink);
    }
};

} // namespace

void addBrokenFeeds(std::vector<BrokenStore>& stores)
{
    stores.insert(stores.end(),
                  {brokenStore<ReleaseIsNotToldToOthers>("releaseIsNotToldToOthers",
                                                         "a message that is published before the commit, and rolled back"),
                   brokenStore<EveryReleaseIsTold>("everyReleaseIsTold", "NOTIFY in each release: 30 to 63 % of the rate of 64 threads"),
                   brokenStore<BreakIsNotToldToWaiters>("breakIsNotToldToWaiters", "a message in the release alone"),
                   brokenStore<WatchIsNotConfirmed>("watchIsNotConfirmed", "a release between held and SUBSCRIBE: redisson#1763"),
                   brokenStore<WatchIsConfirmedBeforeItHears>("watchIsConfirmedBeforeItHears",
                                                              "a confirmation when the request was sent, not answered"),
                   brokenStore<UnwatchIsIgnored>("unwatchIsIgnored", "subscriptions that are never dropped: redisson#2575"),
                   brokenStore<FeedOutlivesItsEnd>("feedOutlivesItsEnd", "a thread that is detached instead of joined"),
                   brokenStore<DeafnessIsNotTold>("deafnessIsNotTold", "a lost connection is silent: etcd#8401")});
}

} // namespace Leasehold
