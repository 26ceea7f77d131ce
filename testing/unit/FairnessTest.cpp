#include "WaitFixture.h"

#include <cppunit/extensions/HelperMacros.h>

#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Records the `wantedFor` of each request. Can act as a store that does not tell who waits.
class Listener : public PolledStore
{
public:
    explicit Listener(std::shared_ptr<LockStore> inner, bool tells = true) : PolledStore(std::move(inner)), _tells(tells) {}

    StoreInfo info() const override
    {
        auto info = PolledStore::info();
        info.tellsWanted = _tells;
        return info;
    }

    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
    {
        std::function<void()> meanwhile;
        {
            const std::lock_guard guard(_mutex);
            _asked.push_back(request.wantedFor);
            meanwhile = std::exchange(_meanwhile, nullptr);
        }
        auto reply = PolledStore::acquire(request, context);
        if (meanwhile)
            meanwhile();
        return reply;
    }

    /// Runs `work` while the answer to the next request is on its way.
    void duringTheNextAnswer(std::function<void()> work)
    {
        const std::lock_guard guard(_mutex);
        _meanwhile = std::move(work);
    }

    /// The records since the last call.
    std::vector<Milliseconds> heard()
    {
        const std::lock_guard guard(_mutex);
        return std::exchange(_asked, {});
    }

private:
    const bool _tells;
    std::mutex _mutex;
    std::vector<Milliseconds> _asked;
    std::function<void()> _meanwhile;
};

} // namespace

/// Tests that a process that acquires a lock in a loop leaves it to a waiting process, and that a lone process never rests.
class FairnessTest : public CppUnit::TestFixture, private WaitFixture
{
    CPPUNIT_TEST_SUITE(FairnessTest);
    CPPUNIT_TEST(testWantedReleaseLeavesTheLockToTheOther);
    CPPUNIT_TEST(testReleaseThatNobodyWantsIsFollowedAtOnce);
    CPPUNIT_TEST(testAcquireWithoutAWaitDoesNotRest);
    CPPUNIT_TEST(testShortWaitAsksAtItsEndInsideARest);
    CPPUNIT_TEST(testRestGrowsUntilTheOtherGotTheLock);
    CPPUNIT_TEST(testRestIsAtMostHalfASecond);
    CPPUNIT_TEST(testRestOfOneNameOutlastsThoseOfManyOthers);
    CPPUNIT_TEST(testWantedLockIsNotHandedOverAfterItsTurn);
    CPPUNIT_TEST(testUnwantedLockGoesOnAtOnceAfterItsTurn);
    CPPUNIT_TEST(testStoreThatDoesNotTellIsLeftAloneAfterATurn);
    CPPUNIT_TEST(testWaiterSaysWhenItAsksAgain);
    CPPUNIT_TEST(testWaiterBehindItsOwnProcessLeavesNoNote);
    CPPUNIT_TEST(testReleaseDuringTheFirstRequestIsSeen);
    CPPUNIT_TEST(testNoteForNobodyIsEndedByTheNextGrant);
    CPPUNIT_TEST(testHintOfAStoreDoesNotEndARest);
    CPPUNIT_TEST_SUITE_END();

    /// Another process asks and says that it waits.
    void wantAsAnother(Milliseconds wantedFor = 10s, const std::string& name = "job") const
    {
        const AcquireRequest request{.name = name, .token = "a waiter's token", .ttl = 30s, .wantedFor = wantedFor};
        CPPUNIT_ASSERT(memory->acquire(request, context()).status == AcquireStatus::held);
    }

    /// This process acquires and releases the lock while another process waits for it.
    void takeAndReleaseWanted(LockManagerService& locks, const std::string& name = "job") const
    {
        const auto own = locks.acquire(name);
        wantAsAnother(10s, name);
    }

    /// Another process takes the lock in the last millisecond of a rest, and the waiting thread gets it afterwards.
    void assertTheOtherGetsTheLockFirst(std::future<LockAttempt>& waiter) const
    {
        CPPUNIT_ASSERT(takeAsAnother("job"));
        clock->advance(1ms);
        awaitRest(4);
        CPPUNIT_ASSERT(waitsOn(waiter));
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(waiter));
    }

public:
    void testWantedReleaseLeavesTheLockToTheOther()
    {
        auto locks = running();
        takeAndReleaseWanted(locks);
        const auto asked = acquires();
        auto next = waitFor(locks, "job", {.wait = 1min});
        clock->advance(9ms);
        CPPUNIT_ASSERT(waitsOn(next));
        CPPUNIT_ASSERT_EQUAL(asked, acquires());
        assertTheOtherGetsTheLockFirst(next);
    }

    void testReleaseThatNobodyWantsIsFollowedAtOnce()
    {
        auto locks = running();
        for (int i = 0; i < 3; ++i)
            CPPUNIT_ASSERT(locks.tryAcquire("job", {.wait = 1min})); // it does not wait, because the clock stands still
    }

    void testAcquireWithoutAWaitDoesNotRest()
    {
        auto locks = running();
        takeAndReleaseWanted(locks);
        CPPUNIT_ASSERT(locks.tryAcquire("job", {.wait = 0ms}));
    }

    void testShortWaitAsksAtItsEndInsideARest()
    {
        auto locks = running();
        takeAndReleaseWanted(locks);
        auto next = waitFor(locks, "job", {.wait = 4ms});
        clock->advance(4ms);
        CPPUNIT_ASSERT(resultOf(next));
    }

    void testRestGrowsUntilTheOtherGotTheLock()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        wantAsAnother(1min);
        clock->advance(200ms);
        own.reset(); // this process had the lock for 200 ms
        auto next = waitFor(locks, "job", {.wait = 1min});
        clock->advance(19ms);
        CPPUNIT_ASSERT(waitsOn(next));
        clock->advance(1ms);
        own = std::move(*resultOf(next));
        clock->advance(180ms);
        own.reset(); // this process had it for 400 ms, and the other did not take it
        next = waitFor(locks, "job", {.wait = 1min});
        clock->advance(39ms);
        CPPUNIT_ASSERT(waitsOn(next));
        CPPUNIT_ASSERT(takeAsAnother("job"));
        CPPUNIT_ASSERT(releaseAsAnother("job").wanted);
        clock->advance(1ms);
        own = std::move(*resultOf(next));
        clock->advance(60ms);
        wantAsAnother();
        own.reset();
        next = waitFor(locks, "job", {.wait = 1min});
        clock->advance(50ms); // 500 ms in all: a release that no process waited for does not begin a new turn
        CPPUNIT_ASSERT(resultOf(next));
    }

    void testRestIsAtMostHalfASecond()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        clock->advance(1min);
        wantAsAnother();
        own.reset();
        auto next = waitFor(locks, "job", {.wait = 1min});
        clock->advance(499ms);
        CPPUNIT_ASSERT(waitsOn(next));
        clock->advance(1ms);
        CPPUNIT_ASSERT(resultOf(next));
    }

    void testRestOfOneNameOutlastsThoseOfManyOthers()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        clock->advance(1min);
        wantAsAnother();
        own.reset();
        for (int number = 0; number < 200; ++number)
        {
            takeAndReleaseWanted(locks, "other " + std::to_string(number)); // followed by a rest of 10 ms
            clock->advance(1ms);
        }
        auto next = waitFor(locks, "job", {.wait = 1min});
        clock->advance(299ms);
        CPPUNIT_ASSERT(waitsOn(next));
        clock->advance(1ms);
        CPPUNIT_ASSERT(resultOf(next));
    }

    void testWantedLockIsNotHandedOverAfterItsTurn()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto next = waitFor(locks, "job", {.wait = 1min});
        wantAsAnother();
        clock->advance(500ms);
        own.reset();
        clock->advance(49ms);
        CPPUNIT_ASSERT(waitsOn(next));
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        assertTheOtherGetsTheLockFirst(next);
    }

    void testUnwantedLockGoesOnAtOnceAfterItsTurn()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto next = waitFor(locks, "job", {.wait = 1min});
        clock->advance(10s);
        own.reset();
        CPPUNIT_ASSERT(resultOf(next)); // while no time passes
    }

    /// Guards against threads of one process that hand a lock over among themselves for ever, while other processes starve.
    void testStoreThatDoesNotTellIsLeftAloneAfterATurn()
    {
        auto locks = runningOn(std::make_shared<Listener>(memory, false));
        std::optional<Lock> own = locks.acquire("job");
        auto next = waitFor(locks, "job", {.wait = forever});
        clock->advance(2s); // a turn ends after half a second
        own.reset();
        awaitRest(4);
        clock->advance(199ms);
        CPPUNIT_ASSERT_MESSAGE("it rests for a tenth of the turn", waitsOn(next));
        assertTheOtherGetsTheLockFirst(next);
    }

    void testWaiterSaysWhenItAsksAgain()
    {
        for (const bool tells : {true, false})
        {
            const auto listener = std::make_shared<Listener>(memory, tells);
            auto locks = runningOn(listener);
            CPPUNIT_ASSERT(takeAsAnother("job"));
            listener->heard();
            auto waiter = waitFor(locks, "job", {.wait = 10s});
            for (int polls = 0; polls < 3; ++polls)
            {
                clock->advance(1s);
                awaitRest(4);
            }
            const auto heard = listener->heard();
            CPPUNIT_ASSERT_EQUAL(std::size_t{4}, heard.size());
            CPPUNIT_ASSERT_EQUAL_MESSAGE("who asks for the first time waits not yet", std::int64_t{0}, heard.front().count());
            for (std::size_t poll = 1; poll < heard.size(); ++poll)
                CPPUNIT_ASSERT_EQUAL(std::int64_t{tells ? 2100 : 0},
                                     heard[poll].count()); // twice the poll interval of 1 s, and 100 ms for the call
            CPPUNIT_ASSERT_EQUAL(tells, releaseAsAnother("job").wanted);
            clock->advance(1s);
            CPPUNIT_ASSERT(resultOf(waiter));
        }
    }

    void testWaiterBehindItsOwnProcessLeavesNoNote()
    {
        const auto listener = std::make_shared<Listener>(memory);
        auto locks = runningOn(listener);
        std::optional<Lock> own = locks.acquire("job");
        auto waiter = waitFor(locks, "job", {.wait = 1min});
        clock->advance(3s);
        awaitRest(4);
        for (const auto wantedFor : listener->heard())
            CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, wantedFor.count());
        own.reset();
        CPPUNIT_ASSERT(resultOf(waiter)); // while no time passes
    }

    /// Guards against a process that takes its own threads for another process, says that it waits for that one, and then rests for it.
    void testReleaseDuringTheFirstRequestIsSeen()
    {
        const auto listener = std::make_shared<Listener>(memory);
        auto locks = runningOn(listener);
        std::optional<Lock> own = locks.acquire("job");
        listener->heard();
        listener->duringTheNextAnswer([&own] { own.reset(); });
        auto waiter = std::async(std::launch::async, [&locks] { return locks.tryAcquire("job", {.wait = 1min}); });
        CPPUNIT_ASSERT(resultOf(waiter)); // while no time passes
        for (const auto wantedFor : listener->heard())
            CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, wantedFor.count());
    }

    /// The storage may say "held" before the thread of this process that got the lock has its answer. Then this process notes that it
    /// waits, and must not rest for its own note again and again.
    void testNoteForNobodyIsEndedByTheNextGrant()
    {
        const auto listener = std::make_shared<Listener>(memory);
        auto locks = runningOn(listener);
        std::future<LockAttempt> waiter;
        listener->duringTheNextAnswer(
            [&]
            {
                waiter = waitFor(locks, "job", {.wait = 1min});
                listener->heard();
                clock->advance(1s);
                awaitRest(4);
                CPPUNIT_ASSERT(listener->heard().front().count() > 0);
            });
        std::optional<Lock> own = locks.acquire("job");
        own.reset();
        clock->advance(1s); // more than one rest
        CPPUNIT_ASSERT(resultOf(waiter));
        auto next = std::async(std::launch::async, [&locks] { return locks.tryAcquire("job", {.wait = 1min}); });
        CPPUNIT_ASSERT(resultOf(next)); // while no time passes
    }

    void testHintOfAStoreDoesNotEndARest()
    {
        const auto hearing = std::make_shared<HearingStore>(memory);
        auto locks = runningOn(hearing);
        takeAndReleaseWanted(locks);
        auto next = waitFor(locks, "job", {.wait = 1min});
        hearing->sink->mayBeFree("job"); // the event of our own release
        clock->advance(9ms);
        CPPUNIT_ASSERT(waitsOn(next));
        clock->advance(1ms);
        CPPUNIT_ASSERT(resultOf(next));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FairnessTest);
