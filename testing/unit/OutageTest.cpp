#include "WaitFixture.h"

#include <future>
#include <memory>
#include <stdexcept>
#include <string>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

class ThrowingBackoff : public Backoff
{
public:
    Milliseconds delay(int, Milliseconds) const override { throw std::domain_error("no dice"); }
};

} // namespace

/// Calls and waits during an outage of the store.
class OutageTest : public CppUnit::TestFixture, private WaitFixture
{
    CPPUNIT_TEST_SUITE(OutageTest);
    CPPUNIT_TEST(testCallIsTriedAgainForItsWholeCallTimeout);
    CPPUNIT_TEST(testCallOutlastsAShortOutage);
    CPPUNIT_TEST(testWaitGoesOnThroughAnOutage);
    CPPUNIT_TEST(testWaitGoesOnAfterAFailedFirstQuestion);
    CPPUNIT_TEST(testEndOfTheWaitTellsHowLongTheStoreWasAway);
    CPPUNIT_TEST(testOutageThatIsOverIsForgotten);
    CPPUNIT_TEST(testStoreErrorEndsTheWaitAtOnce);
    CPPUNIT_TEST(testWaitGoesOnWhileTheStoreCannotBePrepared);
    CPPUNIT_TEST(testWaitForThePreparationCanBeCancelled);
    CPPUNIT_TEST(testPassedRecordIsNotToldAsHeld);
    CPPUNIT_TEST(testFailedQuestionOfTheFirstIsNotToldAsHeld);
    CPPUNIT_TEST(testBackoffThatThrowsIsToldToTheCaller);
    CPPUNIT_TEST_SUITE_END();

    using Trouble = FaultyLockStore::Trouble;
    using When = FaultyLockStore::When;

    /// Lets `span` pass in small steps, for a thread without a place in a line: it makes a new waiter for each pause.
    template <typename Result>
    void pass(Milliseconds span, const std::future<Result>& waiter)
    {
        const auto threads = clock->waiting();
        const auto end = clock->now() + span;
        while (clock->now() < end && waitsOn(waiter))
        {
            clock->advance(50ms);
            CPPUNIT_ASSERT(waitUntil([&] { return clock->waiting() == threads || !waitsOn(waiter); }));
        }
    }

public:
    OutageTest() { policy.retry = {0, std::make_shared<FixedBackoff>(200ms)}; }

    void testCallIsTriedAgainForItsWholeCallTimeout()
    {
        policy.retry = RetryPolicy{};
        auto locks = running();
        faulty->fail(StoreVerb::acquire, Trouble::unavailable);
        const auto before = acquires();
        const auto began = clock->now();
        auto attempt = waitFor(locks, "job", {});
        pass(10s, attempt);
        assertNames(failureOf<LockStoreUnavailable>(attempt), {"attempts failed in", " s"});
        CPPUNIT_ASSERT_MESSAGE("the longest pause is 1 s", clock->now() - began >= 4s);
        CPPUNIT_ASSERT(clock->now() - began <= 5s + 50ms);
        CPPUNIT_ASSERT(acquires() >= before + 8);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("nobody waited", std::size_t{0}, observer->count("storeUnavailable"));
    }

    void testCallOutlastsAShortOutage()
    {
        policy.retry = RetryPolicy{};
        auto locks = running();
        faulty->fail(StoreVerb::acquire, Trouble::unavailable);
        auto attempt = waitFor(locks, "job", {});
        pass(3s, attempt);
        CPPUNIT_ASSERT(waitsOn(attempt));
        faulty->clear();
        pass(2s, attempt);
        CPPUNIT_ASSERT(resultOf(attempt));
    }

    void testWaitGoesOnThroughAnOutage()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto first = waitFor(locks, "job", {.wait = forever});
        auto second = waitFor(locks, "job", {.wait = forever});
        faulty->fail(StoreVerb::acquire, Trouble::unavailable);
        clock->advance(40s);
        CPPUNIT_ASSERT(waitsOn(first) && waitsOn(second));
        CPPUNIT_ASSERT(observer->count("storeUnavailable job for 4800ms: ") == 1);
        CPPUNIT_ASSERT(observer->count("storeUnavailable job") >= 7);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("held job"));
        faulty->clear();
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(first));
        clock->advance(1s); // the process rests after a turn
        CPPUNIT_ASSERT(resultOf(second));
    }

    void testWaitGoesOnAfterAFailedFirstQuestion()
    {
        auto locks = running();
        faulty->fail(StoreVerb::acquire, Trouble::unavailable, When::after);
        auto waiter = waitFor(locks, "job", {.wait = forever});
        pass(20s, waiter);
        CPPUNIT_ASSERT(waitsOn(waiter));
        CPPUNIT_ASSERT(observer->count("storeUnavailable job") >= 2);
        faulty->clear();
        pass(1s, waiter);
        auto attempt = resultOf(waiter);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("the first request took effect", memory->find("job", context())->fence, attempt->fence());
    }

    void testEndOfTheWaitTellsHowLongTheStoreWasAway()
    {
        policy.retry.maxAttempts = 1;
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = waitFor(locks, "job", {.wait = 12s});
        clock->advance(2s);
        faulty->fail(StoreVerb::acquire, Trouble::unavailable);
        clock->advance(10s - 1ms);
        CPPUNIT_ASSERT(waitsOn(waiter));
        clock->advance(1ms);
        assertNames(failureOf<LockStoreUnavailable>(waiter), {"the store has been away for 9.0 s", "until the end of the wait"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("held job"));
    }

    void testOutageThatIsOverIsForgotten()
    {
        policy.retry.maxAttempts = 1;
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job", 1h));
        auto waiter = waitFor(locks, "job", {.wait = 20s});
        auto behind = waitFor(locks, "job", {.wait = 10s});
        faulty->fail(StoreVerb::acquire, Trouble::unavailable, When::before, 3);
        clock->advance(10s);
        CPPUNIT_ASSERT(!resultOf(behind));
        faulty->fail(StoreVerb::acquire, Trouble::unavailable);
        clock->advance(10s);
        assertNames(failureOf<LockStoreUnavailable>(waiter), {"away for 9"});
    }

    void testStoreErrorEndsTheWaitAtOnce()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiter = waitFor(locks, "job", {.wait = forever});
        faulty->fail(StoreVerb::acquire, Trouble::error);
        clock->advance(1s);
        failureOf<LockStoreError>(waiter);
        messageOf<LockStoreError>([&] { auto attempt = locks.tryAcquire("free", {.wait = forever}); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("storeUnavailable"));
    }

    void testWaitGoesOnWhileTheStoreCannotBePrepared()
    {
        auto locks = service();
        faulty->fail(StoreVerb::prepare, Trouble::unavailable);
        auto waiter = waitFor(locks, "job", {.wait = forever});
        pass(20s, waiter);
        CPPUNIT_ASSERT(waitsOn(waiter));
        CPPUNIT_ASSERT(observer->count("storeUnavailable job") >= 2);
        faulty->clear();
        pass(1s, waiter);
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testWaitForThePreparationCanBeCancelled()
    {
        policy.retry = {1, std::make_shared<FixedBackoff>(1h)};
        auto locks = service();
        faulty->fail(StoreVerb::prepare, Trouble::unavailable);
        std::stop_source cancel;
        auto waiter = waitFor(locks, "job", {.wait = forever, .cancel = cancel.get_token()});
        cancel.request_stop();
        failureOf<LockWaitCancelled>(waiter);
    }

    void testPassedRecordIsNotToldAsHeld()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job", 2s));
        auto first = waitFor(locks, "job", {.wait = 1min});
        auto second = waitFor(locks, "job", {.wait = 3s});
        store->close(StoreVerb::acquire);
        clock->advance(3s); // the request of the first has been hanging for 2 s
        CPPUNIT_ASSERT_MESSAGE("it asks itself", store->waitForArrival(StoreVerb::acquire, 2));
        clock->advance(5s);
        failureOf<LockStoreUnavailable>(second);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("held job"));
        store->open(StoreVerb::acquire);
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(first));
    }

    void testFailedQuestionOfTheFirstIsNotToldAsHeld()
    {
        auto locks = running();
        CPPUNIT_ASSERT(takeAsAnother("job", 1h));
        auto first = waitFor(locks, "job", {.wait = forever});
        auto second = waitFor(locks, "job", {.wait = 10s});
        faulty->fail(StoreVerb::acquire, Trouble::unavailable);
        clock->advance(10s);
        assertNames(failureOf<LockStoreUnavailable>(second), {"the store has been away for 9.0 s"});
        CPPUNIT_ASSERT(waitsOn(first));
        faulty->clear();
        clock->advance(5s);
        auto third = waitFor(locks, "job", {.wait = 1s});
        clock->advance(1s);
        CPPUNIT_ASSERT(!resultOf(third));
        locks = service();
        failureOf<LockStoreUnavailable>(first);
    }

    /// Guards against a process that ends because a back-off of the application throws.
    void testBackoffThatThrowsIsToldToTheCaller()
    {
        policy.retry.backoff = std::make_shared<ThrowingBackoff>();
        policy.wait.backoff = policy.retry.backoff;
        auto locks = running();
        faulty->fail(StoreVerb::acquire, Trouble::unavailable);
        assertNames(messageOf<LockStoreUnavailable>([&] { auto lock = locks.acquire("job"); }),
                    {"it was not tried again", "leasehold.policy.retry threw: no dice"});
        faulty->clear();
        CPPUNIT_ASSERT(takeAsAnother("other"));
        assertNames(messageOf<LockException>([&] { auto lock = locks.acquire("other", {.wait = forever}); }),
                    {"leasehold.policy.wait threw: no dice"});
        auto lock = locks.acquire("third");
        faulty->fail(StoreVerb::release, Trouble::unavailable);
        messageOf<LockStoreUnavailable>([&] { lock.release(); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OutageTest);
