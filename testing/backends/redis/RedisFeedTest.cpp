#include "RedisFixture.h"

#include "Leasehold/Store/ReleaseFeed.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The feed of releases on a server that loses its subscribers.
class RedisFeedTest : public RedisFixture
{
    CPPUNIT_TEST_SUITE(RedisFeedTest);
    CPPUNIT_TEST(testThousandsOfNamesAreWatchedAndLeft);
    CPPUNIT_TEST(testNameWatchedAgainAtOnceIsConfirmed);
    CPPUNIT_TEST(testConnectionLastsOnlyWhileNamesAreWatched);
    CPPUNIT_TEST(testLostConnectionIsToldAndReplaced);
    CPPUNIT_TEST(testStoppedServerIsNoticed);
    CPPUNIT_TEST(testUserWithoutTheRightIsTold);
    CPPUNIT_TEST(testUnwantedReleaseIsNotPublished);
    CPPUNIT_TEST_SUITE_END();

    /// Counts the events.
    class Events : public ReleaseSink
    {
    public:
        void watching(const std::string& name) override { count(_watching, name); }
        void mayBeFree(const std::string& name) override { count(_free, name); }
        void lost(std::span<const LeaseRef>) override {}
        void deaf(const std::string& why) override
        {
            const std::lock_guard lock(_mutex);
            _deaf.push_back(why);
        }

        std::size_t watchedNames() const
        {
            const std::lock_guard lock(_mutex);
            return _watching.size();
        }
        int confirmed(const std::string& name) const { return read(_watching, name); }
        int free(const std::string& name) const { return read(_free, name); }
        std::vector<std::string> deafness() const
        {
            const std::lock_guard lock(_mutex);
            return _deaf;
        }

    private:
        using Counts = std::map<std::string, int>;
        void count(Counts& counts, const std::string& name)
        {
            const std::lock_guard lock(_mutex);
            ++counts[name];
        }
        int read(const Counts& counts, const std::string& name) const
        {
            const std::lock_guard lock(_mutex);
            const auto found = counts.find(name);
            return found == counts.end() ? 0 : found->second;
        }

        mutable std::mutex _mutex;
        Counts _watching, _free;
        std::vector<std::string> _deaf;
    };

    std::size_t channels() { return std::stoul(server().info("stats", "pubsub_channels")); }
    std::size_t subscribers()
    {
        const auto list = server().operate({"CLIENT", "LIST", "TYPE", "pubsub"}).text;
        return static_cast<std::size_t>(std::count(list.begin(), list.end(), '\n'));
    }

    /// Releases a lock that another caller waits for.
    static void releaseWanted(LockStore& store, const std::string& name, const std::string& token)
    {
        const auto lease = grant(store, name, longTtl, token);
        store.acquire({.name = name, .token = "waiter", .ttl = longTtl, .wantedFor = 1min}, context());
        CPPUNIT_ASSERT(store.release(lease, context()).wanted);
    }

public:
    void testThousandsOfNamesAreWatchedAndLeft()
    {
        const auto store = open();
        Events events;
        const auto feed = store->releaseFeed(events);
        constexpr int names = 10'000;
        for (int name = 0; name < names; ++name)
            feed->watch(std::to_string(name));
        until("all are confirmed", [&] { return events.watchedNames() == names; });
        CPPUNIT_ASSERT_EQUAL(std::size_t{names}, channels());
        for (int name = 1; name < names; ++name)
            feed->unwatch(std::to_string(name));
        until("all but one are left", [&] { return channels() == 1; });
        releaseWanted(*store, "0", "t");
        until("the release is told", [&] { return events.free("0") > 0; });
        feed->unwatch("0");
        until("the last one is left", [&] { return channels() == 0; });
    }

    void testNameWatchedAgainAtOnceIsConfirmed()
    {
        const auto store = open();
        Events events;
        const auto feed = store->releaseFeed(events);
        for (int round = 1; round <= 200; ++round)
        {
            feed->watch("a");
            until("the watch is confirmed", [&] { return events.confirmed("a") >= round; });
            feed->unwatch("a");
        }
        CPPUNIT_ASSERT(events.deafness().empty());
    }

    void testConnectionLastsOnlyWhileNamesAreWatched()
    {
        const auto store = open();
        Events events;
        const auto feed = store->releaseFeed(events);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, subscribers());
        feed->watch("a");
        until("it is subscribed", [&] { return events.confirmed("a") == 1 && channels() == 1; });
        feed->unwatch("a");
        until("it is not connected", [&] { return subscribers() == 0; });
        feed->watch("a");
        until("it is subscribed again", [&] { return events.confirmed("a") == 2 && channels() == 1; });
    }

    void testLostConnectionIsToldAndReplaced()
    {
        const auto store = open();
        Events events;
        const auto feed = store->releaseFeed(events);
        feed->watch("a");
        until("the watch is confirmed", [&] { return events.confirmed("a") == 1; });
        server().operate({"CLIENT", "KILL", "TYPE", "pubsub"});
        until("the watch is confirmed again", [&] { return events.confirmed("a") == 2; });
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events.deafness().size());
        releaseWanted(*store, "a", "t");
        until("the release is told", [&] { return events.free("a") > 0; });
    }

    void testStoppedServerIsNoticed()
    {
        const auto store = open();
        Events events;
        const auto feed = store->releaseFeed(events);
        feed->watch("a");
        until("the watch is confirmed", [&] { return events.confirmed("a") == 1; });
        server().pause();
        until("the feed is deaf", [&] { return !events.deafness().empty(); });
        assertSays(events.deafness().front(), "the server is silent");
        server().resume();
        until("the watch is confirmed again", [&] { return events.confirmed("a") == 2; });
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events.deafness().size());
    }

    void testUserWithoutTheRightIsTold()
    {
        const auto store = open();
        server().operate({"ACL", "SETUSER", "default", "-subscribe"});
        Events events;
        const auto feed = store->releaseFeed(events);
        feed->watch("a");
        until("the feed is deaf", [&] { return !events.deafness().empty(); });
        assertSays(events.deafness().front(), "refuses to subscribe: operating.md of the Redis store lists the rights");
        const auto lease = grant(*store, "a");
        CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
    }

    void testUnwantedReleaseIsNotPublished()
    {
        const auto store = open();
        Events events;
        const auto feed = store->releaseFeed(events);
        feed->watch("a");
        until("the watch is confirmed", [&] { return events.confirmed("a") == 1; });
        for (int round = 0; round < 20; ++round)
            store->release(grant(*store, "a", longTtl, std::to_string(round)), context());
        releaseWanted(*store, "a", "wanted");
        until("the release is told", [&] { return events.free("a") > 0; });
        CPPUNIT_ASSERT_EQUAL(1, events.free("a"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedisFeedTest);

} // namespace Leasehold
