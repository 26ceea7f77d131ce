#include "ServiceFixture.h"
#include "thrown.h"

#include <atomic>
#include <deque>
#include <set>
#include <thread>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Answers each prune with the next of the test's pages (0 when none is left), and records the calling thread and the retention.
class PrunedStore : public FaultyLockStore
{
public:
    using FaultyLockStore::FaultyLockStore;

    std::size_t prune(Milliseconds retention, const CallContext& context) override
    {
        FaultyLockStore::prune(retention, context);
        const std::lock_guard guard(_mutex);
        _retention = retention;
        _threads.insert(std::this_thread::get_id());
        if (_pages.empty())
            return 0;
        const auto page = _pages.front();
        _pages.pop_front();
        return page;
    }

    void givePages(std::deque<std::size_t> pages)
    {
        const std::lock_guard guard(_mutex);
        _pages = std::move(pages);
    }

    std::set<std::thread::id> threads() const
    {
        const std::lock_guard guard(_mutex);
        return _threads;
    }

    Milliseconds retention() const
    {
        const std::lock_guard guard(_mutex);
        return _retention;
    }

private:
    mutable std::mutex _mutex;
    std::deque<std::size_t> _pages;
    std::set<std::thread::id> _threads;
    Milliseconds _retention{};
};

} // namespace

/// Housekeeping: tests how often dead records are forgotten, and that no caller waits for it.
class PruneTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(PruneTest);
    CPPUNIT_TEST(testPruningIsDoneWhenItIsDueByTheKeeper);
    CPPUNIT_TEST(testProcessThatNeverReleasesPrunes);
    CPPUNIT_TEST(testFullPagesFollowEachOther);
    CPPUNIT_TEST(testTwoThousandNewNamesASecondStayFlat);
    CPPUNIT_TEST(testReleaseDoesNotWaitForAPruneThatHangs);
    CPPUNIT_TEST(testPruneEndsBeforeTheNextRenewal);
    CPPUNIT_TEST(testPruneIsCancelledForANewRenewal);
    CPPUNIT_TEST(testForeverMeansNever);
    CPPUNIT_TEST(testFailureIsToldAndTriedAgainNextTime);
    CPPUNIT_TEST(testWhatIsOldIsForgotten);
    CPPUNIT_TEST_SUITE_END();

    std::shared_ptr<PrunedStore> pruning = std::make_shared<PrunedStore>(memory);
    std::shared_ptr<GatedLockStore> gated = std::make_shared<GatedLockStore>(pruning, clock);

    /// A service whose threads run.
    LockManagerService prunes(Milliseconds every)
    {
        policy.retention.pruneEvery = every;
        LockManagerService locks(gated, policy, {.clock = clock, .observers = {observer}});
        locks.withLock("warm up", [] {});
        awaitRest(3);
        return locks;
    }

    std::size_t calls() const { return pruning->calls(StoreVerb::prune); }

public:
    void testPruningIsDoneWhenItIsDueByTheKeeper()
    {
        policy.retention.retention = 2h;
        auto locks = prunes(5min);
        clock->advance(5min - 1ms);
        locks.withLock("job", [] {});
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, calls());
        clock->advance(1ms);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{2h}, pruning->retention());
        locks.withLock("job", [] {});
        clock->advance(5min - 1ms);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls());
        clock->advance(1ms);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, calls());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pruning->threads().size());
        CPPUNIT_ASSERT_MESSAGE("no caller's", !pruning->threads().contains(std::this_thread::get_id()));
    }

    void testProcessThatNeverReleasesPrunes()
    {
        policy.retention.pruneEvery = 5min;
        LockManagerService locks(gated, policy, {.clock = clock, .observers = {observer}});
        auto kept = locks.acquire("kept");
        clock->advance(1h);
        CPPUNIT_ASSERT_EQUAL(std::size_t{12}, calls());
        CPPUNIT_ASSERT(kept.isHeld());
    }

    void testFullPagesFollowEachOther()
    {
        auto locks = prunes(5min);
        pruning->givePages({1000, 1000, 600, 3});
        clock->advance(5min);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("a small page is the last for now", std::size_t{4}, calls());
        clock->advance(5min - 1ms);
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, calls());
        clock->advance(1ms);
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, calls());
    }

    /// Guards against a limit of one page per second.
    void testTwoThousandNewNamesASecondStayFlat()
    {
        constexpr int perSecond = 2000, seconds = 120;
        const auto began = clock->now();
        const auto wall = [&]
        { return 1'800'000'000'000'000 + std::chrono::floor<std::chrono::microseconds>(clock->now() - began).count(); };
        const auto storage = std::make_shared<MemoryLockStore>(clock, wall);
        policy.retention = {1min, 10s};
        LockManagerService locks(storage, policy, {.clock = clock, .observers = {std::make_shared<LockObserver>()}});
        for (int second = 0; second < seconds; ++second)
        {
            for (int i = 0; i < perSecond; ++i)
                locks.withLock("order " + std::to_string(second) + "/" + std::to_string(i), [] {});
            clock->advance(1s);
        }
        std::size_t remembered = 0;
        while (const auto page = storage->prune(0ms, context()))
            remembered += page;
        CPPUNIT_ASSERT_MESSAGE(std::to_string(remembered) + " records", remembered >= std::size_t{perSecond} * 60);
        CPPUNIT_ASSERT_MESSAGE(std::to_string(remembered) + " records", remembered <= std::size_t{perSecond} * 72);
    }

    void testReleaseDoesNotWaitForAPruneThatHangs()
    {
        auto locks = prunes(5min);
        auto lock = locks.acquire("job", {.ttl = 1h});
        gated->close(StoreVerb::prune);
        clock->advance(5min);
        CPPUNIT_ASSERT(gated->waitForArrival(StoreVerb::prune));
        lock.release(); // while no time passes
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        clock->advance(5s);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("it has the deadline of a call", std::size_t{1}, observer->count("pruneFailed"));
        gated->open(StoreVerb::prune);
    }

    void testPruneEndsBeforeTheNextRenewal()
    {
        auto locks = prunes(8s);
        gated->close(StoreVerb::prune);
        auto lock = locks.acquire("job"); // renewed after 10 s
        clock->advance(8s);
        CPPUNIT_ASSERT(gated->waitForArrival(StoreVerb::prune));
        clock->advance(2s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pruning->calls(StoreVerb::renew));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("it gave way, and is tried again", std::size_t{0}, observer->count("pruneFailed"));
        gated->open(StoreVerb::prune);
        clock->advance(2s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls());
    }

    void testPruneIsCancelledForANewRenewal()
    {
        auto locks = prunes(8s);
        gated->close(StoreVerb::prune);
        clock->advance(8s);
        CPPUNIT_ASSERT(gated->waitForArrival(StoreVerb::prune)); // the keeper hangs there for at most 5 s
        auto lock = locks.acquire("short", {.ttl = 300ms});
        for (int i = 0; i < 30; ++i)
        {
            clock->advance(100ms);
            CPPUNIT_ASSERT(lock.isHeld());
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, calls());
        gated->open(StoreVerb::prune);
        clock->advance(2s);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("there is time enough between the renewals", std::size_t{1}, calls());
        CPPUNIT_ASSERT(lock.isHeld());
    }

    void testForeverMeansNever()
    {
        auto locks = prunes(forever);
        clock->advance(24h);
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, calls());
    }

    void testFailureIsToldAndTriedAgainNextTime()
    {
        auto locks = prunes(1min);
        pruning->fail(StoreVerb::prune, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 1);
        clock->advance(1min);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("pruneFailed a FaultyLockStore"));
        clock->advance(1min - 1ms);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("it is not tried again at once", std::size_t{1}, calls());
        clock->advance(1ms);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, calls());
    }

    void testWhatIsOldIsForgotten()
    {
        std::atomic<std::int64_t> wall{1'800'000'000'000'000};
        const auto storage = std::make_shared<MemoryLockStore>(clock, [&] { return wall.load(); });
        policy.retention = {1h, 5min};
        LockManagerService locks(storage, policy, {.clock = clock, .observers = {observer}});
        const auto first = locks.withLock("job", [](const Lock& lock) { return lock.fence(); });
        const auto pass = [&](Milliseconds span)
        {
            clock->advance(span);
            wall += std::chrono::microseconds(span).count();
        };
        pass(30min);
        locks.withLock("other", [] {});
        wall -= std::chrono::microseconds(25min).count(); // a step back by less than the retention
        CPPUNIT_ASSERT_MESSAGE("remembered", locks.withLock("job", [](const Lock& lock) { return lock.fence(); }) > first);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("pruneFailed"));
        pass(3h);
        pass(5min);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("all that was old is forgotten", std::size_t{0}, storage->prune(1h, context()));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PruneTest);
