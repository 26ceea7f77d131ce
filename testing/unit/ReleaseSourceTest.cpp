#include "Leasehold/Store/ReleaseSource.h"
#include "Leasehold/ForkedChild.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// What the tests and the feed's thread share: what the source is to do, and what it and the sink have seen.
struct Scene
{
    mutable std::mutex mutex;
    std::condition_variable_any changed;
    std::string trouble;           // of connect and listen; empty: none
    bool hangs = false;            // connect waits for its cancellation
    std::vector<std::string> free; // events; "": of any name
    std::map<std::string, bool> changes;
    int connects = 0, disconnects = 0, listens = 0;
    std::map<std::string, int> confirmed, told;
    std::vector<std::string> deaf;

    template <typename Value>
    Value read(Value Scene::*member) const
    {
        const std::lock_guard guard(mutex);
        return this->*member;
    }
    int count(std::map<std::string, int> Scene::*counts, const std::string& name) const { return read(counts)[name]; }

    void play(const std::function<void(Scene&)>& change)
    {
        const std::lock_guard guard(mutex);
        change(*this);
        changed.notify_all();
    }
};

class ScriptedSource : public ReleaseSource
{
public:
    explicit ScriptedSource(Scene& scene) : _scene(scene) {}

    void connect(const CallContext& context) override
    {
        std::unique_lock lock(_scene.mutex);
        ++_scene.connects;
        if (_scene.hangs)
            _scene.changed.wait_for(lock, context.cancel(), context.timeLeft(), [] { return false; });
        requireNoTrouble();
    }

    void listen(Names& names, const CallContext& context) override
    {
        const auto changes = names.takeChanges();
        for (const auto& [name, begins] : changes)
            if (begins)
                names.confirm(name);
        std::vector<std::string> events;
        {
            std::unique_lock lock(_scene.mutex);
            ++_scene.listens;
            for (const auto& [name, begins] : changes)
                _scene.changes[name] = begins;
            _scene.changed.wait_for(lock, context.cancel(), context.timeLeft(),
                                    [this] { return !_scene.free.empty() || !_scene.trouble.empty(); });
            requireNoTrouble();
            events.swap(_scene.free);
        }
        for (const auto& name : events)
            name.empty() ? names.anyMayBeFree() : names.mayBeFree(name);
    }

    void disconnect() noexcept override
    {
        const std::lock_guard guard(_scene.mutex);
        ++_scene.disconnects;
    }

private:
    void requireNoTrouble() const
    {
        if (!_scene.trouble.empty())
            throw std::runtime_error(_scene.trouble);
    }

    Scene& _scene;
};

class Sink : public ReleaseSink
{
public:
    explicit Sink(Scene& scene) : _scene(scene) {}
    void watching(const std::string& name) override
    {
        _scene.play([&](Scene& scene) { ++scene.confirmed[name]; });
    }
    void mayBeFree(const std::string& name) override
    {
        _scene.play([&](Scene& scene) { ++scene.told[name]; });
    }
    void lost(std::span<const LeaseRef>) override {}
    void deaf(const std::string& why) override
    {
        _scene.play([&](Scene& scene) { scene.deaf.push_back(why); });
    }

private:
    Scene& _scene;
};

} // namespace

/// The life of a feed with a thread, over a source that does as the test says.
class ReleaseSourceTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ReleaseSourceTest);
    CPPUNIT_TEST(testFeedIsConnectedOnlyWhileNamesAreWatched);
    CPPUNIT_TEST(testNextWaiterFindsTheConnection);
    CPPUNIT_TEST(testSourceIsToldEachChangeAtOnce);
    CPPUNIT_TEST(testOnlyWatchedNamesAreTold);
    CPPUNIT_TEST(testFailureIsToldOnceUntilAWatchIsConfirmed);
    CPPUNIT_TEST(testNamesLeftInAnOutageAreNoChangesAfterIt);
    CPPUNIT_TEST(testReasonWithoutAPlaceIsTheSourcesText);
    CPPUNIT_TEST(testEndOfTheFeedEndsItsConnectInSilence);
    CPPUNIT_TEST(testEndOfTheFeedEndsItsPause);
    CPPUNIT_TEST(testForkedChildLeavesTheFeedAlone);
    CPPUNIT_TEST_SUITE_END();

    Scene scene;
    Sink sink{scene};
    std::unique_ptr<ReleaseFeed> feed = makeListeningFeed("the store", std::make_unique<ScriptedSource>(scene), sink);

    void watch(const std::string& name)
    {
        const int before = scene.count(&Scene::confirmed, name);
        feed->watch(name);
        CPPUNIT_ASSERT(waitUntil([&] { return scene.count(&Scene::confirmed, name) > before; }));
    }

    void tell(std::vector<std::string> names)
    {
        scene.play([&](Scene& its) { its.free = std::move(names); });
        CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::free).empty(); }));
    }

public:
    void testFeedIsConnectedOnlyWhileNamesAreWatched()
    {
        feed->unwatch("a");
        CPPUNIT_ASSERT_EQUAL(0, scene.read(&Scene::connects));
        watch("a");
        feed->watch("a"); // is watched already
        watch("b");
        feed->unwatch("a");
        feed->unwatch("b");
        CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::disconnects) == 1; }));
        CPPUNIT_ASSERT_EQUAL(1, scene.read(&Scene::connects));
        CPPUNIT_ASSERT_EQUAL(1, scene.count(&Scene::confirmed, "a"));
        watch("a");
        CPPUNIT_ASSERT_EQUAL(2, scene.read(&Scene::connects));
    }

    void testNextWaiterFindsTheConnection()
    {
        watch("a");
        // A round of a paused process may take longer than the thread stays.
        CPPUNIT_ASSERT(waitUntil(
            [&]
            {
                const int before = scene.read(&Scene::connects), ended = scene.read(&Scene::disconnects);
                feed->unwatch("a");
                const auto noticed = [&] { return !scene.read(&Scene::changes)["a"] || scene.read(&Scene::disconnects) > ended; };
                CPPUNIT_ASSERT(waitUntil(noticed));
                watch("a");
                return scene.read(&Scene::connects) == before;
            }));
    }

    void testSourceIsToldEachChangeAtOnce()
    {
        watch("a");
        watch("b"); // while the source waits
        feed->unwatch("a");
        const std::map<std::string, bool> expected{{"a", false}, {"b", true}};
        CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::changes) == expected; }));
    }

    void testOnlyWatchedNamesAreTold()
    {
        watch("a");
        watch("b");
        feed->unwatch("b");
        tell({"b", "never watched", "a"});
        CPPUNIT_ASSERT(waitUntil([&] { return scene.count(&Scene::told, "a") == 1; }));
        watch("c");
        tell({""}); // the source does not know which
        CPPUNIT_ASSERT(waitUntil([&] { return scene.count(&Scene::told, "a") == 2 && scene.count(&Scene::told, "c") == 1; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, scene.read(&Scene::told).size());
    }

    void testFailureIsToldOnceUntilAWatchIsConfirmed()
    {
        watch("a");
        scene.play([](Scene& its) { its.trouble = "no route"; });
        feed->watch("b"); // it stays unconfirmed
        CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::connects) >= 3; }));
        CPPUNIT_ASSERT_EQUAL(1, scene.count(&Scene::confirmed, "a"));
        CPPUNIT_ASSERT_EQUAL(0, scene.count(&Scene::confirmed, "b"));
        scene.play([](Scene& its) { its.trouble.clear(); });
        CPPUNIT_ASSERT(waitUntil([&] { return scene.count(&Scene::confirmed, "a") == 2 && scene.count(&Scene::confirmed, "b") == 1; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, scene.read(&Scene::deaf).size());
        CPPUNIT_ASSERT_EQUAL(std::string("the store: no route"), scene.read(&Scene::deaf).front());
        CPPUNIT_ASSERT_EQUAL(scene.read(&Scene::connects) - 1, scene.read(&Scene::disconnects));
        scene.play([](Scene& its) { its.trouble = "no route again"; });
        CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::deaf).size() == 2; }));
    }

    void testNamesLeftInAnOutageAreNoChangesAfterIt()
    {
        watch("a");
        watch("b");
        scene.play([](Scene& its) { its.trouble = "no route"; });
        feed->unwatch("b");
        const int connects = scene.read(&Scene::connects);
        CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::connects) >= connects + 2; })); // one began after `unwatch`
        scene.play(
            [](Scene& its)
            {
                its.changes.clear();
                its.trouble.clear();
            });
        CPPUNIT_ASSERT(waitUntil([&] { return scene.count(&Scene::confirmed, "a") == 2; }));
        const std::map<std::string, bool> expected{{"a", true}};
        CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::changes) == expected; }));
    }

    void testReasonWithoutAPlaceIsTheSourcesText()
    {
        scene.trouble = "the store x: no route";
        feed = makeListeningFeed({}, std::make_unique<ScriptedSource>(scene), sink);
        feed->watch("a");
        CPPUNIT_ASSERT(waitUntil([&] { return !scene.read(&Scene::deaf).empty(); }));
        CPPUNIT_ASSERT_EQUAL(std::string("the store x: no route"), scene.read(&Scene::deaf).front());
    }

    void testEndOfTheFeedEndsItsConnectInSilence()
    {
        scene.hangs = true;
        scene.trouble = "cancelled";
        feed->watch("a");
        CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::connects) == 1; }));
        feed.reset();
        CPPUNIT_ASSERT_EQUAL(1, scene.read(&Scene::connects));
        CPPUNIT_ASSERT(scene.read(&Scene::deaf).empty());
    }

    void testEndOfTheFeedEndsItsPause()
    {
        scene.trouble = "no route";
        // A paused process may be slow once.
        bool isFast = false;
        for (int tries = 0; tries < 5 && !isFast; ++tries)
        {
            feed = makeListeningFeed("the store", std::make_unique<ScriptedSource>(scene), sink);
            const int connects = scene.read(&Scene::connects);
            feed->watch("a");
            CPPUNIT_ASSERT(waitUntil([&] { return scene.read(&Scene::connects) >= connects + 4; })); // the next pause is 1.6 s
            const auto before = LocalClock::now();
            feed.reset();
            isFast = LocalClock::now() - before < 800ms;
        }
        CPPUNIT_ASSERT(isFast);
    }

    void testForkedChildLeavesTheFeedAlone()
    {
        watch("a");
        const auto inChild = inForkedChild(
            [&]() -> std::string
            {
                feed.reset();
                return "destroyed";
            });
        CPPUNIT_ASSERT_EQUAL(std::string("destroyed"), inChild);
        tell({"a"});
        CPPUNIT_ASSERT(waitUntil([&] { return scene.count(&Scene::told, "a") == 1; }));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReleaseSourceTest);
