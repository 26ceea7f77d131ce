#include "WaitFixture.h"

#include <future>
#include <memory>
#include <optional>
#include <span>
#include <vector>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// A store whose TTLs are whole seconds from 2 s to a minute.
class CoarseStore : public PolledStore
{
public:
    using PolledStore::PolledStore;

    StoreInfo info() const override
    {
        auto info = PolledStore::info();
        info.minTtl = 2s;
        info.maxTtl = 1min;
        info.ttlGranularity = 1s;
        return info;
    }
};

/// A store that answers no renewal.
class MuteStore : public PolledStore
{
public:
    using PolledStore::PolledStore;

    std::vector<RenewReply> renew(std::span<const RenewRequest>, const CallContext&) override { return {}; }
};

} // namespace

/// LockOptions::minHold: a lock that is released early stays taken.
class MinHoldTest : public CppUnit::TestFixture, private WaitFixture
{
    CPPUNIT_TEST_SUITE(MinHoldTest);
    CPPUNIT_TEST(testEarlyReleaseKeepsTheLockUntilMinHold);
    CPPUNIT_TEST(testMinHoldBeyondTheTtlOutlivesTheService);
    CPPUNIT_TEST(testReleaseAfterMinHoldFreesAtOnce);
    CPPUNIT_TEST(testWithLockAndDestructorHonourMinHold);
    CPPUNIT_TEST(testWaitersGetTheLockWhenMinHoldIsOver);
    CPPUNIT_TEST(testWaitersGoOnPollingDuringMinHold);
    CPPUNIT_TEST(testBrokenLockIsLostOnReleaseWithMinHold);
    CPPUNIT_TEST(testLostLockWithMinHoldIsNotGivenBackEarly);
    CPPUNIT_TEST(testOutageOnReleaseWithMinHoldIsToldToObservers);
    CPPUNIT_TEST(testStoreThatAnswersNoLastRenewalIsAnError);
    CPPUNIT_TEST(testReleaseWaitsForARenewalUnderWay);
    CPPUNIT_TEST(testWhatIsLeftIsRoundedUpToTheTtlsOfTheStore);
    CPPUNIT_TEST(testMinHoldOutOfBoundsIsRefused);
    CPPUNIT_TEST_SUITE_END();

public:
    void testEarlyReleaseKeepsTheLockUntilMinHold()
    {
        auto locks = running();
        auto lock = locks.acquire("job", {.minHold = 10s});
        const auto releases = faulty->calls(StoreVerb::release);
        clock->advance(2s);
        lock.release();
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("released job after 2s"));
        clock->advance(8s - 1ms);
        CPPUNIT_ASSERT(!takeAsAnother("job"));
        clock->advance(1ms);
        CPPUNIT_ASSERT(takeAsAnother("job"));
        CPPUNIT_ASSERT_EQUAL(releases, faulty->calls(StoreVerb::release));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    void testMinHoldBeyondTheTtlOutlivesTheService()
    {
        {
            auto locks = service();
            locks.withLock("job", [] {}, {.minHold = 5min});
        }
        clock->advance(5min - 1ms);
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        clock->advance(1ms);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testReleaseAfterMinHoldFreesAtOnce()
    {
        auto locks = running();
        auto lock = locks.acquire("job", {.minHold = 10s});
        clock->advance(10s);
        lock.release();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testWithLockAndDestructorHonourMinHold()
    {
        auto locks = running();
        CPPUNIT_ASSERT_EQUAL(3, locks.withLock("first", [] { return 3; }, {.minHold = 10s}));
        messageOf<std::domain_error>([&] { locks.withLock("second", [] { throw std::domain_error("trouble"); }, {.minHold = 10s}); });
        {
            const auto lock = locks.acquire("third", {.minHold = 10s});
        }
        for (const std::string name : {"first", "second", "third"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, Milliseconds{10s}, memory->find(name, context())->remaining);
    }

    void testWaitersGetTheLockWhenMinHoldIsOver()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(Milliseconds{1h});
        auto locks = running();
        std::optional<Lock> own = locks.acquire("warm line");
        auto first = waitFor(locks, "warm line", {.wait = forever, .minHold = 10s});
        auto second = waitFor(locks, "warm line", {.wait = forever});
        own.reset();
        auto attempt = resultOf(first); // with a reserved fence for the second
        attempt->release();
        awaitRest(4);
        clock->advance(10s - 1ms);
        CPPUNIT_ASSERT_MESSAGE("nothing is handed over before", waitsOn(second));
        clock->advance(1ms);
        CPPUNIT_ASSERT(resultOf(second));
    }

    void testWaitersGoOnPollingDuringMinHold()
    {
        auto locks = running();
        auto lock = locks.acquire("job", {.minHold = 1h});
        auto waiter = waitFor(locks, "job", {.wait = forever});
        lock.release();
        awaitRest(4);
        CPPUNIT_ASSERT(memory->breakLock("job", lock.fence(), BreakMode::now, context()));
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(waiter));
    }

    void testBrokenLockIsLostOnReleaseWithMinHold()
    {
        auto locks = running();
        auto lock = locks.acquire("job", {.minHold = 10s});
        CPPUNIT_ASSERT(memory->breakLock("job", lock.fence(), BreakMode::now, context()));
        messageOf<LockLostError>([&] { lock.release(); });
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job broken"));
    }

    void testLostLockWithMinHoldIsNotGivenBackEarly()
    {
        auto locks = running();
        auto lock = locks.acquire("job", {.maxHold = 20s, .minHold = 20s});
        auto other = locks.acquire("other", {.minHold = 1min});
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        clock->advance(28s); // the lease is lost after 27 s and stored for 30 s
        messageOf<LockLostError>([&] { other.release(); });
        CPPUNIT_ASSERT(isHeldInStorage("other"));
        messageOf<LockLostError>([&] { lock.release(); });
        clock->settle();
        CPPUNIT_ASSERT_MESSAGE("its minHold was over", !isHeldInStorage("job"));
    }

    void testOutageOnReleaseWithMinHoldIsToldToObservers()
    {
        auto locks = running();
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        CPPUNIT_ASSERT_EQUAL(3, locks.withLock("job", [] { return 3; }, {.minHold = 10s}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
        faulty->clear();
        faulty->answerRenewals(RenewStatus::unavailable, 1);
        auto lock = locks.acquire("other", {.minHold = 10s});
        messageOf<LockStoreUnavailable>([&] { lock.release(); });
        faulty->answerRenewals(RenewStatus::failed, 1);
        auto third = locks.acquire("third", {.minHold = 10s});
        messageOf<LockStoreError>([&] { third.release(); });
    }

    void testStoreThatAnswersNoLastRenewalIsAnError()
    {
        auto locks = runningOn(std::make_shared<MuteStore>(memory));
        auto lock = locks.acquire("job", {.minHold = 10s});
        assertNames(messageOf<LockStoreError>([&] { lock.release(); }), {"answered 0 of 1 renewals"});
    }

    /// Guards against a renewal that arrives after the last one, so that the lock ends a TTL later.
    void testReleaseWaitsForARenewalUnderWay()
    {
        auto locks = running();
        auto lock = locks.acquire("job", {.minHold = 5min});
        store->close(StoreVerb::renew);
        clock->advance(10s);
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::renew));
        auto releaser = whenItWaits([&] { lock.release(); });
        CPPUNIT_ASSERT(store->letOneGo(StoreVerb::renew));
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::renew));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("the keeper's", Milliseconds{30s}, memory->find("job", context())->remaining);
        store->open(StoreVerb::renew);
        resultOf(releaser);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{5min - 10s}, memory->find("job", context())->remaining);
    }

    void testWhatIsLeftIsRoundedUpToTheTtlsOfTheStore()
    {
        const auto coarse = std::make_shared<CoarseStore>(memory);
        auto locks = runningOn(coarse);
        for (const auto& [heldFor, left] : {std::pair<Milliseconds, Milliseconds>{1ms, 10s}, {2500ms, 8s}, {9900ms, 2s}})
        {
            auto lock = locks.acquire("job", {.minHold = 10s});
            clock->advance(heldFor);
            lock.release();
            CPPUNIT_ASSERT_EQUAL(left, memory->find("job", context())->remaining);
            clock->advance(left);
        }
        auto fine = service();
        auto lock = fine.acquire("job", {.minHold = 10s});
        clock->advance(9990ms);
        lock.release();
        CPPUNIT_ASSERT_EQUAL(Milliseconds{100ms}, memory->find("job", context())->remaining);
    }

    void testMinHoldOutOfBoundsIsRefused()
    {
        auto locks = runningOn(std::make_shared<CoarseStore>(memory));
        const auto refuse = [&](const LockOptions& options, std::initializer_list<std::string> parts)
        { assertNames(messageOf<InvalidLockRequest>([&] { auto attempt = locks.tryAcquire("job", options); }), parts); };
        refuse({.minHold = -1ms}, {"minHold of -1ms", "0 to 24h"});
        refuse({.minHold = 24h + 1ms}, {"0 to 24h"});
        refuse({.minHold = forever}, {"forever", "0 to 24h"});
        refuse({.maxHold = 5s, .minHold = 6s}, {"6s", "at most maxHold, 5s"});
        refuse({.minHold = 61s}, {"61s", "at most 1m", "longest ttl of the memory store"});
        CPPUNIT_ASSERT(locks.tryAcquire("job", {.maxHold = forever, .minHold = 1min}));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MinHoldTest);
