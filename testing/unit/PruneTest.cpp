#include "ServiceFixture.h"
#include "thrown.h"

#include <future>
#include <set>
#include <thread>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Answers that so many records were pruned, and writes down by whom it was asked and for which retention.
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
        return pruned;
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

    std::atomic<std::size_t> pruned{0};

private:
    mutable std::mutex _mutex;
    std::set<std::thread::id> _threads;
    Milliseconds _retention{};
};

} // namespace

/// Housekeeping: how often dead records are forgotten, and on whose time.
class PruneTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(PruneTest);
    CPPUNIT_TEST(testAReleasePrunesWhenItIsDue);
    CPPUNIT_TEST(testManyWhoReleaseAtOncePruneOnce);
    CPPUNIT_TEST(testAFullPageIsSoonFollowedByTheNext);
    CPPUNIT_TEST(testTheKeeperNeverPrunes);
    CPPUNIT_TEST(testForeverMeansNever);
    CPPUNIT_TEST(testAFailureIsToldAndHarmsNoRelease);
    CPPUNIT_TEST(testWhatIsOldIsForgotten);
    CPPUNIT_TEST_SUITE_END();

    std::shared_ptr<PrunedStore> pruning = std::make_shared<PrunedStore>(memory);

    LockManagerService prunes(Milliseconds every)
    {
        policy.retention.pruneEvery = every;
        return LockManagerService(pruning, policy, {.clock = clock, .observers = {observer}});
    }

    std::size_t calls() const { return pruning->calls(StoreVerb::prune); }

public:
    void testAReleasePrunesWhenItIsDue()
    {
        policy.retention.retention = 2h;
        auto locks = prunes(5min);
        locks.withLock("job", [] {});
        clock->advance(5min - 1ms);
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, calls());
        clock->advance(1ms);
        auto lock = locks.acquire("job");
        CPPUNIT_ASSERT_EQUAL_MESSAGE("no acquire waits for it", std::size_t{0}, calls());
        lock.release();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{2h}, pruning->retention());
        locks.withLock("job", [] {});
        clock->advance(5min - 1ms);
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls());
        clock->advance(1ms);
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, calls());
    }

    void testManyWhoReleaseAtOncePruneOnce()
    {
        auto locks = prunes(5min);
        clock->advance(5min);
        std::vector<std::future<void>> threads;
        for (int i = 0; i < 8; ++i)
            threads.push_back(std::async(std::launch::async, [&, i] { locks.withLock("lock " + std::to_string(i), [] {}); }));
        for (auto& thread : threads)
            thread.get();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls());
    }

    void testAFullPageIsSoonFollowedByTheNext()
    {
        auto locks = prunes(5min);
        pruning->pruned = 1000;
        clock->advance(5min);
        locks.withLock("job", [] {});
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL_MESSAGE("one page a release, and not each of them", std::size_t{1}, calls());
        clock->advance(1s);
        pruning->pruned = 3;
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, calls());
        clock->advance(1min);
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL_MESSAGE("a small page is the last for now", std::size_t{2}, calls());
    }

    void testTheKeeperNeverPrunes()
    {
        auto locks = prunes(1min);
        auto kept = locks.acquire("kept");
        clock->advance(1h);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, calls());
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT(std::set{std::this_thread::get_id()} == pruning->threads());
    }

    void testForeverMeansNever()
    {
        auto locks = prunes(forever);
        clock->advance(24h);
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, calls());
    }

    void testAFailureIsToldAndHarmsNoRelease()
    {
        auto locks = prunes(1min);
        clock->advance(1min);
        pruning->fail(StoreVerb::prune, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 1);
        CPPUNIT_ASSERT_EQUAL(5, locks.withLock("job", [] { return 5; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("pruneFailed a FaultyLockStore"));
        locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL_MESSAGE("it is not tried again at once", std::size_t{1}, calls());
        clock->advance(1min);
        locks.withLock("job", [] {});
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
        wall -= std::chrono::microseconds(25min).count(); // a step back, within the retention
        CPPUNIT_ASSERT_MESSAGE("remembered", locks.withLock("job", [](const Lock& lock) { return lock.fence(); }) > first);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("pruneFailed"));
        pass(3h);
        locks.withLock("other", [] {});
        CallContext context(*clock, clock->now() + 1s);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("the release has pruned all there was", std::size_t{0}, storage->prune(1h, context));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PruneTest);
