#include "WaitFixture.h"

#include <future>
#include <optional>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Delays a second longer each time, and records its arguments.
class GrowingBackoff : public Backoff
{
public:
    Milliseconds delay(int attempt, Milliseconds holderRemaining) const override
    {
        const std::lock_guard guard(_mutex);
        _asked.emplace_back(attempt, holderRemaining);
        return attempt * Milliseconds{1000};
    }

    std::vector<std::pair<int, Milliseconds>> asked() const
    {
        const std::lock_guard guard(_mutex);
        return _asked;
    }

private:
    mutable std::mutex _mutex;
    mutable std::vector<std::pair<int, Milliseconds>> _asked;
};

} // namespace

class WaitTest : public CppUnit::TestFixture, private WaitFixture
{
    CPPUNIT_TEST_SUITE(WaitTest);
    CPPUNIT_TEST(testWaiterAsksAgainAsTheBackoffSays);
    CPPUNIT_TEST(testWaitEndsAtItsLimitWithTheHolder);
    CPPUNIT_TEST(testLockThatIsFreeAtTheLimitIsGranted);
    CPPUNIT_TEST(testAcquireWithoutAWaitAsksOnce);
    CPPUNIT_TEST(testWaitOfThePolicyAppliesWithoutAnOption);
    CPPUNIT_TEST(testWaitForeverHasNoEnd);
    CPPUNIT_TEST(testWaitersGetTheLockInOrderOfArrivalAtOnce);
    CPPUNIT_TEST(testManyWaitersSendOnePoll);
    CPPUNIT_TEST(testWaitersBehindTheFirstGetItsAnswer);
    CPPUNIT_TEST(testCancelledWaitThrowsLockWaitCancelled);
    CPPUNIT_TEST(testNextWaiterPollsWhenTheFirstIsCancelled);
    CPPUNIT_TEST(testCancelledCallThatHangsReleasesItsOrphan);
    CPPUNIT_TEST(testRetryWaitsAsThePolicySays);
    CPPUNIT_TEST(testRetryIsCancelledWhileItWaits);
    CPPUNIT_TEST(testLostLockGoesToTheNextWhenItsHolderIsDone);
    CPPUNIT_TEST(testBreakMakesTheFirstWaiterAsk);
    CPPUNIT_TEST(testEventOfTheFeedMakesTheFirstWaiterAsk);
    CPPUNIT_TEST(testDestroyedServiceEndsItsWaits);
    CPPUNIT_TEST_SUITE_END();

public:
    void testWaiterAsksAgainAsTheBackoffSays()
    {
        const auto backoff = std::make_shared<GrowingBackoff>();
        policy.wait.backoff = backoff;
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job", 30s));
        const auto began = clock->now();
        auto waiter = waitFor(locks, "job", {.wait = forever});
        const auto before = acquires();
        clock->advance(28s);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("after 1, 3, 6, 10, 15, 21 and 28 s", before + 7, acquires());
        CPPUNIT_ASSERT(waitsOn(waiter));
        clock->advance(8s);
        auto attempt = resultOf(waiter);
        CPPUNIT_ASSERT(attempt);
        CPPUNIT_ASSERT(clock->now() - began == 36s);
        const std::vector<std::pair<int, Milliseconds>> expected = {{1, 30s}, {2, 29s}, {3, 27s}, {4, 24s},
                                                                    {5, 20s}, {6, 15s}, {7, 9s},  {8, 2s}};
        CPPUNIT_ASSERT(expected == backoff->asked());
        CPPUNIT_ASSERT_EQUAL(std::size_t{8}, observer->count("waited job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("held job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("acquired job"));
    }

    void testWaitEndsAtItsLimitWithTheHolder()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        const auto before = acquires();
        auto waiter = waitFor(locks, "job", {.wait = 2500ms});
        clock->advance(2500ms - 1ns);
        CPPUNIT_ASSERT(waitsOn(waiter));
        clock->advance(1ns);
        auto attempt = resultOf(waiter);
        CPPUNIT_ASSERT(!attempt);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"elsewhere"})"), attempt.holder().metadata);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{27500}, attempt.holder().remaining);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("after 0, 1, 2 and 2.5 s", before + 4, acquires());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("held job"));

        auto thrower = whenItWaits([&] { auto lock = locks.acquire("job", {.wait = 1s}); });
        clock->advance(1s);
        assertNames(failureOf<LockAcquisitionError>(thrower), {"\"job\"", "elsewhere"});
    }

    void testLockThatIsFreeAtTheLimitIsGranted()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = waitFor(locks, "job", {.wait = 500ms});
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        clock->advance(500ms); // before the first poll
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testAcquireWithoutAWaitAsksOnce()
    {
        policy.wait.limit = 1min;
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        const auto before = acquires();
        CPPUNIT_ASSERT(!locks.tryAcquire("job", {.wait = 0ms}));
        CPPUNIT_ASSERT_EQUAL(before + 1, acquires());
    }

    void testWaitOfThePolicyAppliesWithoutAnOption()
    {
        policy.wait.limit = 3s;
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = waitFor(locks, "job", {});
        clock->advance(2s);
        CPPUNIT_ASSERT(waitsOn(waiter));
        clock->advance(1s);
        CPPUNIT_ASSERT(!resultOf(waiter));
    }

    void testWaitForeverHasNoEnd()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1min});
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job", 24h));
        auto waiter = waitFor(locks, "job", {.wait = forever});
        clock->advance(24h - 1ms);
        CPPUNIT_ASSERT(waitsOn(waiter));
        clock->advance(1min);
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testWaitersGetTheLockInOrderOfArrivalAtOnce()
    {
        auto locks = running();
        auto first = locks.acquire("job");
        std::vector<int> order; // the holders in order; guarded by the lock
        std::vector<Fence> fences{first.fence()};
        std::vector<std::future<void>> waiters;
        for (int i = 0; i < 5; ++i)
            waiters.push_back(whenItWaits(
                [&, i]
                {
                    locks.withLock("job",
                                   [&](const Lock& lock)
                                   {
                                       order.push_back(i);
                                       fences.push_back(lock.fence());
                                   },
                                   {.wait = forever});
                }));
        first.release();
        for (auto& waiter : waiters)
            resultOf(waiter); // while no time passes
        CPPUNIT_ASSERT((std::vector<int>{0, 1, 2, 3, 4}) == order);
        CPPUNIT_ASSERT(std::ranges::is_sorted(fences, std::less_equal<>()));
    }

    void testManyWaitersSendOnePoll()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job", 1h));
        std::vector<std::future<LockAttempt>> waiters;
        waiters.push_back(waitFor(locks, "job", {.wait = 1min}));
        const auto before = acquires();
        for (int i = 0; i < 30; ++i)
            waiters.push_back(waitFor(locks, "job", {.wait = 1min}));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("who joins the line need not ask", before, acquires());
        clock->advance(30s);
        CPPUNIT_ASSERT_EQUAL(before + 30, acquires());
        clock->advance(30s);
        for (auto& waiter : waiters)
            CPPUNIT_ASSERT(!resultOf(waiter));
    }

    void testWaitersBehindTheFirstGetItsAnswer()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto first = waitFor(locks, "job", {.wait = 1min});
        auto second = waitFor(locks, "job", {.wait = 1500ms});
        const auto before = acquires();
        clock->advance(1500ms);
        auto attempt = resultOf(second);
        CPPUNIT_ASSERT(!attempt);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{29s}, attempt.holder().remaining); // from the first one's poll, half a second ago
        CPPUNIT_ASSERT_EQUAL(before + 1, acquires());
        CPPUNIT_ASSERT(waitsOn(first));
        clock->advance(29s);
        CPPUNIT_ASSERT(resultOf(first));
    }

    void testCancelledWaitThrowsLockWaitCancelled()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        std::stop_source cancel;
        auto waiter = waitFor(locks, "job", {.wait = forever, .cancel = cancel.get_token()});
        cancel.request_stop();
        assertNames(failureOf<LockWaitCancelled>(waiter), {"\"job\"", "cancelled"});
        const auto before = acquires();
        messageOf<LockWaitCancelled>([&] { auto attempt = locks.tryAcquire("free", {.cancel = cancel.get_token()}); });
        CPPUNIT_ASSERT_EQUAL_MESSAGE("what is cancelled before it begins asks nothing", before, acquires());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("held job"));
    }

    void testNextWaiterPollsWhenTheFirstIsCancelled()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        std::stop_source cancel;
        auto first = waitFor(locks, "job", {.wait = forever, .cancel = cancel.get_token()});
        auto second = waitFor(locks, "job", {.wait = forever});
        cancel.request_stop();
        failureOf<LockWaitCancelled>(first);
        awaitRest(4);
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(second));
    }

    void testCancelledCallThatHangsReleasesItsOrphan()
    {
        auto locks = running();
        store->close(StoreVerb::acquire, GatedLockStore::Side::after);
        std::stop_source cancel;
        auto waiter = waitFor(locks, "job", {.cancel = cancel.get_token()});
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire));
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        cancel.request_stop();
        failureOf<LockWaitCancelled>(waiter);
        clock->settle();
        CPPUNIT_ASSERT_MESSAGE("nobody keeps what nobody wanted", !isHeldInStorage("job"));
    }

    void testRetryWaitsAsThePolicySays()
    {
        policy.retry = {3, std::make_shared<FixedBackoff>(200ms)};
        auto locks = running();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 2);
        const auto before = acquires();
        auto attempt = waitFor(locks, "job", {});
        CPPUNIT_ASSERT_EQUAL(before + 1, acquires());
        clock->advance(199ms);
        CPPUNIT_ASSERT_EQUAL(before + 1, acquires());
        clock->advance(1ms);
        awaitRest(4);
        CPPUNIT_ASSERT_EQUAL(before + 2, acquires());
        clock->advance(200ms);
        auto granted = resultOf(attempt);
        CPPUNIT_ASSERT_EQUAL(before + 3, acquires());
        CPPUNIT_ASSERT_EQUAL_MESSAGE("a lease counts from the request that was granted", Milliseconds{27s}, granted->remaining());
    }

    void testRetryIsCancelledWhileItWaits()
    {
        policy.retry = {3, std::make_shared<FixedBackoff>(200ms)};
        auto locks = running();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable);
        const auto before = acquires();
        std::stop_source cancel;
        auto attempt = waitFor(locks, "job", {.cancel = cancel.get_token()});
        cancel.request_stop();
        failureOf<LockWaitCancelled>(attempt);
        CPPUNIT_ASSERT(acquires() <= before + 2);
    }

    void testLostLockGoesToTheNextWhenItsHolderIsDone()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1h});
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job", {.maxHold = 400ms});
        auto next = waitFor(locks, "job", {.wait = forever});
        clock->advance(400ms);
        CPPUNIT_ASSERT(waitsOn(next));
        own.reset();
        CPPUNIT_ASSERT(resultOf(next));
    }

    void testBreakMakesTheFirstWaiterAsk()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1h});
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = waitFor(locks, "job", {.wait = forever});
        CPPUNIT_ASSERT(locks.breakLock("job", memory->find("job", context())->fence, BreakMode::now));
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testEventOfTheFeedMakesTheFirstWaiterAsk()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1h});
        const auto hearing = std::make_shared<HearingStore>(memory);
        auto locks = runningOn(hearing);
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = waitFor(locks, "job", {.wait = forever});
        hearing->sink->mayBeFree("another job");
        hearing->sink->mayBeFree("job"); // a hint may be wrong
        CPPUNIT_ASSERT(waitUntil([&] { return hearing->calls(StoreVerb::acquire) == 3; }));
        awaitRest(4);
        CPPUNIT_ASSERT(waitsOn(waiter));
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        hearing->sink->mayBeFree("job");
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testDestroyedServiceEndsItsWaits()
    {
        std::optional<LockManagerService> locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto first = waitFor(*locks, "job", {.wait = forever});
        std::stop_source unused;
        auto second = waitFor(*locks, "job", {.wait = forever, .cancel = unused.get_token()});
        locks.reset();
        assertNames(failureOf<LockStoreUnavailable>(first), {"\"job\"", "stopped"});
        failureOf<LockStoreUnavailable>(second);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WaitTest);
