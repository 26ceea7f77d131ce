#include "WaitFixture.h"

#include <future>
#include <memory>
#include <optional>
#include <string>

using namespace Leasehold;
using namespace std::chrono_literals;

/// Releases during failures of the store, with the default retry policy.
class ReleaseTest : public CppUnit::TestFixture, private WaitFixture
{
    CPPUNIT_TEST_SUITE(ReleaseTest);
    CPPUNIT_TEST(testReleaseSentAgainAndRefusedIsReleased);
    CPPUNIT_TEST(testMinHoldEndSentAgainAndRefusedIsReleased);
    CPPUNIT_TEST(testFirstReleaseThatIsRefusedIsALoss);
    CPPUNIT_TEST(testReleaseUnderWayOutlastsItsService);
    CPPUNIT_TEST(testAcquireCutShortByItsServicesEndIsReleased);
    CPPUNIT_TEST(testLockThatOutlivesItsServiceIsFreedWhenDone);
    CPPUNIT_TEST_SUITE_END();

    using Trouble = FaultyLockStore::Trouble;
    using When = FaultyLockStore::When;

public:
    ReleaseTest() { policy.retry = RetryPolicy{}; }

    void testReleaseSentAgainAndRefusedIsReleased()
    {
        auto locks = running();
        faulty->fail(StoreVerb::release, Trouble::unavailable, When::after, 1);
        auto work = whenItWaits([&] { return locks.withLock("job", [] { return 42; }); });
        CPPUNIT_ASSERT_MESSAGE("the first release took effect", takeAsAnother("job"));
        clock->advance(1s);
        CPPUNIT_ASSERT_EQUAL(42, resultOf(work));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("released job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
        CPPUNIT_ASSERT(isHeldInStorage("job"));
    }

    void testMinHoldEndSentAgainAndRefusedIsReleased()
    {
        auto locks = running();
        auto lock = locks.acquire("job", {.minHold = 10s});
        faulty->fail(StoreVerb::renew, Trouble::unavailable, When::after, 1);
        auto releaser = whenItWaits([&] { lock.release(); });
        CPPUNIT_ASSERT(memory->breakLock("job", lock.fence(), BreakMode::now, context()));
        clock->advance(1s);
        resultOf(releaser);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    void testFirstReleaseThatIsRefusedIsALoss()
    {
        auto locks = running();
        auto lock = locks.acquire("job");
        CPPUNIT_ASSERT(memory->breakLock("job", lock.fence(), BreakMode::now, context()));
        CPPUNIT_ASSERT(takeAsAnother("job"));
        messageOf<LockLostError>([&] { lock.release(); });
    }

    /// Guards against a lock that stays taken for its TTL because its service was destroyed during the release.
    void testReleaseUnderWayOutlastsItsService()
    {
        std::optional<LockManagerService> locks = running();
        auto lock = locks->acquire("job");
        store->close(StoreVerb::release);
        auto releaser = std::async(std::launch::async, [&] { lock.release(); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::release));
        locks.reset();
        CPPUNIT_ASSERT(waitsOn(releaser));
        store->open(StoreVerb::release);
        resultOf(releaser);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testAcquireCutShortByItsServicesEndIsReleased()
    {
        std::optional<LockManagerService> locks = running();
        store->close(StoreVerb::acquire, GatedLockStore::Side::after);
        auto acquirer = std::async(std::launch::async, [&] { return locks->tryAcquire("job"); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire));
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        locks.reset();
        failureOf<LockStoreUnavailable>(acquirer);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testLockThatOutlivesItsServiceIsFreedWhenDone()
    {
        std::optional<LockManagerService> locks = running();
        auto lock = locks->acquire("job");
        std::optional<Lock> dropped = locks->acquire("dropped");
        auto late = locks->acquire("late");
        auto unlucky = locks->acquire("unlucky");
        locks.reset();
        CPPUNIT_ASSERT_MESSAGE("its work may still run", isHeldInStorage("job"));
        messageOf<LockLostError>([&] { lock.release(); });
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        dropped.reset();
        CPPUNIT_ASSERT(!isHeldInStorage("dropped"));
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable);
        messageOf<LockLostError>([&] { unlucky.release(); });
        CPPUNIT_ASSERT_MESSAGE("until its end", isHeldInStorage("unlucky"));
        clock->advance(30s);
        CPPUNIT_ASSERT(takeAsAnother("late"));
        messageOf<LockLostError>([&] { late.release(); });
        CPPUNIT_ASSERT(isHeldInStorage("late"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReleaseTest);
