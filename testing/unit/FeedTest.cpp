#include "WaitFixture.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Records the `wantedFor` of each request.
class NotedStore : public HearingStore
{
public:
    using HearingStore::HearingStore;

    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
    {
        _wantedFor.store(request.wantedFor.count());
        return HearingStore::acquire(request, context);
    }

    Milliseconds lastWantedFor() const { return Milliseconds{_wantedFor.load()}; }

private:
    std::atomic<std::int64_t> _wantedFor{0};
};

} // namespace

/// Waiters on a store with a feed. The back-off is an hour, so that they do not poll by it.
class FeedTest : public CppUnit::TestFixture, private WaitFixture
{
    CPPUNIT_TEST_SUITE(FeedTest);
    CPPUNIT_TEST(testWaiterAsksOnceWhenItsWatchIsConfirmed);
    CPPUNIT_TEST(testWatchedWaiterAsksOnEachEvent);
    CPPUNIT_TEST(testWatchedWaiterPollsEveryTenSeconds);
    CPPUNIT_TEST(testWatchedWaiterAsksWhenTheHoldersLeaseEnds);
    CPPUNIT_TEST(testUnconfirmedWaiterPollsByItsBackoff);
    CPPUNIT_TEST(testDeafFeedMakesWaitersPollAgain);
    CPPUNIT_TEST(testNameIsUnwatchedWhenNobodyWaits);
    CPPUNIT_TEST(testWaiterBehindItsOwnProcessWatchesNothing);
    CPPUNIT_TEST(testWatchedQuestionLeavesANoteUntilTheNextPoll);
    CPPUNIT_TEST(testServicesOfOneMemoryStoreWakeEachOther);
    CPPUNIT_TEST_SUITE_END();

    const std::shared_ptr<NotedStore> hearing = std::make_shared<NotedStore>(memory);

    std::size_t asked() const { return hearing->calls(StoreVerb::acquire); }

    /// A thread that waits for "job", which another process holds. Its watch is confirmed.
    std::future<LockAttempt> watchedWaiter(LockManagerService& locks, Milliseconds wait = forever)
    {
        auto waiter = waitFor(locks, "job", {.wait = wait});
        CPPUNIT_ASSERT(hearing->watched().contains("job"));
        const auto before = asked();
        hearing->sink->watching("job");
        CPPUNIT_ASSERT(waitUntil([&] { return asked() == before + 1; }));
        awaitRest(4);
        return waiter;
    }

public:
    FeedTest() { policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1h}); }

    void testWaiterAsksOnceWhenItsWatchIsConfirmed()
    {
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = waitFor(locks, "job", {.wait = forever});
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released); // between "held" and the watch
        hearing->sink->watching("job");
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testWatchedWaiterAsksOnEachEvent()
    {
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = watchedWaiter(locks);
        const auto before = asked();
        hearing->sink->mayBeFree("job"); // a hint may be wrong
        CPPUNIT_ASSERT(waitUntil([&] { return asked() == before + 1; }));
        awaitRest(4);
        CPPUNIT_ASSERT(releaseAsAnother("job").wanted);
        hearing->sink->mayBeFree("job");
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testWatchedWaiterPollsEveryTenSeconds()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{100});
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job", 1min));
        auto waiter = watchedWaiter(locks);
        const auto before = asked();
        clock->advance(10s - 1ms);
        CPPUNIT_ASSERT_EQUAL(before, asked());
        clock->advance(1ms);
        awaitRest(4);
        CPPUNIT_ASSERT_EQUAL(before + 1, asked());
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released); // its event is missing
        clock->advance(10s);
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testWatchedWaiterAsksWhenTheHoldersLeaseEnds()
    {
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job", 3s));
        auto waiter = watchedWaiter(locks);
        clock->advance(3s - 1ms);
        CPPUNIT_ASSERT(waitsOn(waiter));
        clock->advance(1ms);
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testUnconfirmedWaiterPollsByItsBackoff()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1s});
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = waitFor(locks, "job", {.wait = forever});
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testDeafFeedMakesWaitersPollAgain()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1s});
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = watchedWaiter(locks);
        hearing->sink->deaf("no route");
        CPPUNIT_ASSERT(waitUntil([&] { return observer->count("feedDeaf no route") == 1; }));
        awaitRest(4);
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testNameIsUnwatchedWhenNobodyWaits()
    {
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto first = waitFor(locks, "job", {.wait = 1s});
        auto second = waitFor(locks, "job", {.wait = 2s});
        clock->advance(1s);
        CPPUNIT_ASSERT(!resultOf(first));
        CPPUNIT_ASSERT(hearing->watched().contains("job"));
        clock->advance(1s);
        CPPUNIT_ASSERT(!resultOf(second));
        CPPUNIT_ASSERT(hearing->watched().empty());
        hearing->sink->watching("job"); // too late
        CPPUNIT_ASSERT(hearing->watched().empty());
    }

    void testWaiterBehindItsOwnProcessWatchesNothing()
    {
        auto locks = runningOn(hearing);
        std::optional<Lock> own = locks.acquire("job");
        auto waiter = waitFor(locks, "job", {.wait = forever});
        CPPUNIT_ASSERT(hearing->watched().empty());
        own.reset();
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testWatchedQuestionLeavesANoteUntilTheNextPoll()
    {
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job", 1min));
        auto waiter = watchedWaiter(locks);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10'100}, hearing->lastWantedFor().count());
        clock->advance(10s);
        awaitRest(4);
        CPPUNIT_ASSERT(releaseAsAnother("job").wanted);
        hearing->sink->mayBeFree("job");
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testServicesOfOneMemoryStoreWakeEachOther()
    {
        auto holder = LockManagerService(memory, policy, {.clock = clock, .observers = {observer}});
        std::optional<Lock> own = holder.acquire("job");
        auto locks = LockManagerService(memory, policy, {.clock = clock, .observers = {observer}});
        locks.withLock("warm up", [] {});
        awaitRest(6);
        auto waiter = waitFor(locks, "job", {.wait = forever});
        own.reset();
        CPPUNIT_ASSERT(resultOf(waiter));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FeedTest);
