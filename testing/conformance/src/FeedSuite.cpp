#include "Leasehold/ConformanceSuite.h"
#include "Leasehold/Store/ReleaseFeed.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// Counts the events of a feed. Thread-safe.
class Events : public ReleaseSink
{
public:
    explicit Events(Milliseconds deadline) : _deadline(deadline) {}

    void watching(const std::string& name) override { count(_confirmed, name); }
    void mayBeFree(const std::string& name) override { count(_free, name); }
    void lost(std::span<const LeaseRef>) override {}
    void deaf(const std::string& why) override { count(_deaf, why.empty() ? "without a reason" : "deaf"); }

    int confirmed(const std::string& name) const { return read(_confirmed, name); }
    int free(const std::string& name) const { return read(_free, name); }
    int deaf() const { return read(_deaf, "deaf"); }

    bool awaitConfirmed(const std::string& name, int times = 1) { return await(_confirmed, name, times); }
    bool awaitFree(const std::string& name, int times = 1) { return await(_free, name, times); }
    bool awaitDeaf() { return await(_deaf, "deaf", 1); }

private:
    using Counts = std::map<std::string, int>;

    void count(Counts& counts, const std::string& name)
    {
        const std::lock_guard guard(_mutex);
        ++counts[name];
        _changed.notify_all();
    }

    int read(const Counts& counts, const std::string& name) const
    {
        const std::lock_guard guard(_mutex);
        const auto found = counts.find(name);
        return found == counts.end() ? 0 : found->second;
    }

    bool await(const Counts& counts, const std::string& name, int times)
    {
        std::unique_lock guard(_mutex);
        return _changed.wait_for(guard, _deadline,
                                 [&]
                                 {
                                     const auto found = counts.find(name);
                                     return found != counts.end() && found->second >= times;
                                 });
    }

    const Milliseconds _deadline;
    mutable std::mutex _mutex;
    std::condition_variable _changed;
    Counts _confirmed, _free, _deaf;
};

/// One store with a feed, as in a waiting process.
struct Waiter
{
    explicit Waiter(StoreBench& bench) :
        store(bench.harness().openStore()), events(bench.harness().feedDeadline()), feed(store->releaseFeed(events))
    {
    }

    /// Watches the name, and returns when the watch is confirmed.
    void watch(const std::string& name)
    {
        feed->watch(name);
        CPPUNIT_ASSERT_MESSAGE("the watch of " + name + " is not confirmed", events.awaitConfirmed(name));
    }

    std::shared_ptr<LockStore> store;
    Events events;
    std::unique_ptr<ReleaseFeed> feed; // nullptr: the store has no feed
};

/// Acquires the lock, lets another process wait for it or not, and releases it.
void takeAndRelease(StoreBench& bench, const std::string& name, const std::string& token, bool wanted)
{
    const auto grant = bench.grant(name, token);
    if (wanted)
        CPPUNIT_ASSERT(bench.acquire(name, "waiter", {.wantedFor = 10min}).status == AcquireStatus::held);
    CPPUNIT_ASSERT(bench.release(grant.lease).wanted == wanted);
}

void testEachWantedReleaseIsTold(StoreBench& bench)
{
    Waiter waiter(bench);
    if (!waiter.feed)
        return;
    waiter.watch("a");
    for (int release = 1; release <= 3; ++release)
    {
        const int before = waiter.events.free("a");
        takeAndRelease(bench, "a", "token " + std::to_string(release), true);
        CPPUNIT_ASSERT(waiter.events.awaitFree("a", before + 1));
    }
}

void testReleaseThatNobodyWantsIsNotTold(StoreBench& bench)
{
    Waiter waiter(bench);
    if (!waiter.feed)
        return;
    waiter.watch("a");
    constexpr int unwanted = 20;
    for (int release = 0; release < unwanted; ++release)
        takeAndRelease(bench, "a", "token " + std::to_string(release), false);
    takeAndRelease(bench, "a", "wanted", true);
    CPPUNIT_ASSERT(waiter.events.awaitFree("a"));
    CPPUNIT_ASSERT_MESSAGE("a lock that nobody waits for sends no message", waiter.events.free("a") < unwanted);
}

/// A release between the answer "held" and the watch sends no event, so the waiter asks when the watch is confirmed. A later release sends
/// one.
void testNoReleaseIsLostBetweenHeldAndWatch(StoreBench& bench)
{
    for (int round = 0; round < 10; ++round)
    {
        Waiter waiter(bench);
        if (!waiter.feed)
            return;
        const auto name = "round " + std::to_string(round);
        takeAndRelease(bench, name, "early", true);
        waiter.watch(name);
        takeAndRelease(bench, name, "late", true);
        CPPUNIT_ASSERT_MESSAGE("a release just after the confirmation", waiter.events.awaitFree(name));
    }
}

void testBreakThatFreesIsTold(StoreBench& bench)
{
    Waiter waiter(bench);
    if (!waiter.feed)
        return;
    waiter.watch("a");
    const auto grant = bench.grant("a", "t");
    CPPUNIT_ASSERT(bench.acquire("a", "waiter", {.wantedFor = 10min}).status == AcquireStatus::held);
    CPPUNIT_ASSERT(bench.breakLock("a", grant.lease.fence, BreakMode::now));
    CPPUNIT_ASSERT(waiter.events.awaitFree("a"));
}

void testUnwatchedNameIsNotTold(StoreBench& bench)
{
    Waiter waiter(bench);
    if (!waiter.feed)
        return;
    waiter.watch("a");
    waiter.watch("b");
    waiter.feed->unwatch("a");
    takeAndRelease(bench, "a", "t", true);
    takeAndRelease(bench, "b", "t", true);
    CPPUNIT_ASSERT(waiter.events.awaitFree("b"));
    CPPUNIT_ASSERT_EQUAL(0, waiter.events.free("a"));
}

void testDestroyedFeedTellsNothing(StoreBench& bench)
{
    Waiter ended(bench), waiter(bench);
    if (!waiter.feed)
        return;
    ended.watch("a");
    waiter.watch("a");
    ended.feed.reset();
    const int before = ended.events.free("a");
    takeAndRelease(bench, "a", "t", true);
    CPPUNIT_ASSERT(waiter.events.awaitFree("a"));
    CPPUNIT_ASSERT_EQUAL(before, ended.events.free("a"));
}

void testDeafFeedSaysSoOnceAndConfirmsAgain(StoreBench& bench)
{
    Waiter waiter(bench);
    if (!waiter.feed)
        return;
    waiter.watch("a");
    if (!bench.harness().setFeedDeaf(true))
        return;
    CPPUNIT_ASSERT(waiter.events.awaitDeaf());
    waiter.feed->watch("b"); // it stays unconfirmed
    const int before = waiter.events.confirmed("a");
    bench.harness().setFeedDeaf(false);
    CPPUNIT_ASSERT_MESSAGE("the watch is confirmed again", waiter.events.awaitConfirmed("a", before + 1));
    CPPUNIT_ASSERT(waiter.events.awaitConfirmed("b"));
    CPPUNIT_ASSERT_EQUAL(1, waiter.events.deaf());
    const int told = waiter.events.free("a");
    takeAndRelease(bench, "a", "t", true);
    CPPUNIT_ASSERT(waiter.events.awaitFree("a", told + 1));
}

} // namespace

/// Tests the feed of a store (LockStore::releaseFeed) in real time. A store without a feed passes.
void addFeedTests(ConformanceSuite& suite)
{
    suite.layer("feed");
    suite.test("testEachWantedReleaseIsTold", testEachWantedReleaseIsTold);
    suite.test("testReleaseThatNobodyWantsIsNotTold", testReleaseThatNobodyWantsIsNotTold);
    suite.test("testNoReleaseIsLostBetweenHeldAndWatch", testNoReleaseIsLostBetweenHeldAndWatch);
    suite.test("testBreakThatFreesIsTold", testBreakThatFreesIsTold);
    suite.test("testUnwatchedNameIsNotTold", testUnwatchedNameIsNotTold);
    suite.test("testDestroyedFeedTellsNothing", testDestroyedFeedTellsNothing);
    suite.test("testDeafFeedSaysSoOnceAndConfirmsAgain", testDeafFeedSaysSoOnceAndConfirmsAgain);
}

} // namespace Leasehold
