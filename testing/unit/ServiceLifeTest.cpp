#include "ServiceFixture.h"
#include "thrown.h"

#include <filesystem>
#include <future>
#include <optional>
#include <set>

using namespace Leasehold;
using namespace std::chrono_literals;

/// Tests every order of ends: the service, its locks, the store's call, a callback.
class ServiceLifeTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(ServiceLifeTest);
    CPPUNIT_TEST(testLocksOfADestroyedServiceAreLost);
    CPPUNIT_TEST(testLockThatOutlivesItsServiceStaysAValidObject);
    CPPUNIT_TEST(testDestroyedServiceReleasesNothingWhoseWorkStillRuns);
    CPPUNIT_TEST(testMovedServiceKeepsItsLocks);
    CPPUNIT_TEST(testServiceThatIsAssignedOverEndsItsLocks);
    CPPUNIT_TEST(testServiceMayBeMovedWhileACallIsUnderWay);
    CPPUNIT_TEST(testHangingStoreDoesNotHoldUpTheEnd);
    CPPUNIT_TEST(testBlockingCallbackDoesNotHoldUpTheEnd);
    CPPUNIT_TEST(testCallbackThatBlocksAtTheEndHoldsUpNoOtherLoss);
    CPPUNIT_TEST(testStopCallbackMayDestroyTheService);
    CPPUNIT_TEST(testLostLocksAreGivenBackWhenTheServiceEnds);
    CPPUNIT_TEST(testServiceThatEndsWhileALockIsBeingGrantedGrantsNone);
    CPPUNIT_TEST(testThreeThreadsServeAnyNumberOfLocks);
    CPPUNIT_TEST(testServiceThatStopsWhileItStartsLeavesNeitherThreadNorHolder);
    CPPUNIT_TEST(testMovedLockIsHeldByItsNewOwner);
    CPPUNIT_TEST(testLockThatIsAssignedOverIsReleasedFirst);
    CPPUNIT_TEST(testDestroyedLockIsReleasedAndItsTroubleTold);
    CPPUNIT_TEST(testWorkThatReachesMaxHoldLosesItsResult);
    CPPUNIT_TEST(testWhatTheCallbackThrowsIsPassedOnAlsoIfTheLockWasLost);
    CPPUNIT_TEST_SUITE_END();

    static std::set<std::string> threads()
    {
        std::set<std::string> ids;
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
            ids.insert(task.path().filename());
        return ids;
    }

    /// The number of present threads that are not among `before`. A thread of an earlier test may still be ending.
    static std::size_t threadsBeside(const std::set<std::string>& others)
    {
        const auto now = threads();
        return static_cast<std::size_t>(std::ranges::count_if(now, [&](const auto& id) { return !others.contains(id); }));
    }

    static LossReason lossOf(Lock& lock)
    {
        try
        {
            lock.release();
        }
        catch (const LockLostError& error)
        {
            return error.reason();
        }
        CPPUNIT_FAIL("a lost lock was released");
        return {};
    }

    /// Asserts the outcome of a call whose service ended meanwhile: it was refused, or granted and lost.
    static void requireStopped(std::future<Lock>& call)
    {
        try
        {
            auto lock = call.get();
            CPPUNIT_ASSERT(!lock.isHeld());
        }
        catch (const LockStoreUnavailable&) // NOLINT(bugprone-empty-catch): the call was refused
        {
        }
    }

public:
    void testLocksOfADestroyedServiceAreLost()
    {
        std::optional<LockManagerService> locks = service();
        std::vector<Lock> held;
        std::vector<std::stop_token> tokens;
        for (int i = 0; i < 10; ++i)
        {
            held.push_back(locks->acquire("lock " + std::to_string(i)));
            tokens.push_back(held.back().lossToken());
        }
        locks.reset();
        for (int i = 0; i < 10; ++i)
        {
            CPPUNIT_ASSERT(tokens[i].stop_requested());
            CPPUNIT_ASSERT(!held[i].isHeld());
            CPPUNIT_ASSERT(lossOf(held[i]) == LossReason::serviceStopped);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{10}, observer->count("lost lock "));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, clock->waiting());
    }

    void testLockThatOutlivesItsServiceStaysAValidObject()
    {
        std::optional<LockManagerService> locks = service();
        auto lock = locks->acquire("job");
        auto released = locks->acquire("released");
        released.release();
        const auto fence = lock.fence();
        locks.reset();
        CPPUNIT_ASSERT_EQUAL(std::string("job"), lock.name());
        CPPUNIT_ASSERT_EQUAL(fence, lock.fence());
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{0}, lock.remaining());
        CPPUNIT_ASSERT(lock.lossToken().stop_requested());
        assertNames(messageOf<LockLostError>([&] { lock.requireHeld(); }), {"\"job\"", "LockManagerService was destroyed"});
        messageOf<LockLostError>([&] { lock.release(); });
        messageOf<LockLostError>([&] { lock.release(); });
        released.release(); // released in time, so no event is told
        Lock moved = std::move(lock);
        CPPUNIT_ASSERT_EQUAL(std::string("job"), moved.name());
    }

    void testDestroyedServiceReleasesNothingWhoseWorkStillRuns()
    {
        std::optional<LockManagerService> locks = service();
        try
        {
            locks->withLock("job",
                            [&]
                            {
                                locks.reset();
                                CPPUNIT_ASSERT_EQUAL(std::size_t{0}, faulty->calls(StoreVerb::release));
                                CPPUNIT_ASSERT(!takeAsAnother("job"));
                            });
            CPPUNIT_FAIL("a lost lock looked like success");
        }
        catch (const LockLostError& error)
        {
            CPPUNIT_ASSERT(error.reason() == LossReason::serviceStopped);
        }
        CPPUNIT_ASSERT_MESSAGE("its work has ended", takeAsAnother("job"));
    }

    void testMovedServiceKeepsItsLocks()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        LockManagerService moved(std::move(locks));
        clock->advance(1min);
        CPPUNIT_ASSERT(lock.isHeld());
        auto& itself = moved;
        moved = std::move(itself); // NOLINT: a move into itself, which the checks forbid, must change nothing
        CPPUNIT_ASSERT(lock.isHeld());
        CPPUNIT_ASSERT(!moved.tryAcquire("job"));
        lock.release();
        CPPUNIT_ASSERT(moved.tryAcquire("job"));
        // NOLINTBEGIN(bugprone-use-after-move): what is left says so
        assertNames(messageOf<LockException>([&] { auto attempt = locks.tryAcquire("job"); }), {"moved from"});
        messageOf<LockException>([&] { return locks.find("job"); });
        messageOf<LockException>([&] { static_cast<void>(locks.policy()); });
        locks = std::move(moved);
        CPPUNIT_ASSERT(!locks.find("job"));
        // NOLINTEND(bugprone-use-after-move)
    }

    void testServiceThatIsAssignedOverEndsItsLocks()
    {
        auto first = service(), second = service();
        auto ofFirst = first.acquire("of the first"), ofSecond = second.acquire("of the second");
        first = std::move(second);
        CPPUNIT_ASSERT(!ofFirst.isHeld());
        CPPUNIT_ASSERT(lossOf(ofFirst) == LossReason::serviceStopped);
        CPPUNIT_ASSERT(ofSecond.isHeld());
        ofSecond.release();
        first.withLock("of the second", [] {});
    }

    void testServiceMayBeMovedWhileACallIsUnderWay()
    {
        auto locks = service();
        store->close(StoreVerb::acquire);
        auto call = std::async(std::launch::async, [&] { return locks.acquire("job"); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire));
        LockManagerService moved(std::move(locks));
        store->open(StoreVerb::acquire);
        auto lock = call.get();
        CPPUNIT_ASSERT(lock.isHeld());
        moved.policy();
    }

    void testHangingStoreDoesNotHoldUpTheEnd()
    {
        std::optional<LockManagerService> locks = service();
        auto lock = locks->acquire("job");
        store->close(StoreVerb::renew);
        clock->advance(10s);
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::renew));
        locks.reset(); // it cancels its call, because no time passes here
        CPPUNIT_ASSERT(!lock.isHeld());
        store->open(StoreVerb::renew);
    }

    void testBlockingCallbackDoesNotHoldUpTheEnd()
    {
        policy.lease.callTimeout = 50ms;
        std::optional<LockManagerService> locks = service();
        auto lock = locks->acquire("job");
        std::promise<void> go;
        std::atomic<bool> blocked{false};
        const auto block = [&, gone = go.get_future().share()]
        {
            blocked = true;
            gone.wait();
        };
        {
            const std::stop_callback onLoss(lock.lossToken(), block);
            const auto began = std::chrono::steady_clock::now();
            locks.reset();
            CPPUNIT_ASSERT(blocked);
            CPPUNIT_ASSERT_MESSAGE("one call deadline, and what a busy machine adds", std::chrono::steady_clock::now() - began < 5s);
            CPPUNIT_ASSERT(!lock.isHeld());
            go.set_value();
        } // waits for the callback, whose thread shares ownership of what it uses
    }

    /// Guards against a watchdog that stops first at the end, so that a blocked notifier is not replaced and losses are told too late,
    /// perhaps when others have the locks. Real time: the first callback waits for the second.
    void testCallbackThatBlocksAtTheEndHoldsUpNoOtherLoss()
    {
        std::optional<LockManagerService> locks;
        locks.emplace(std::make_shared<MemoryLockStore>(), policy, ServiceParts{.observers = {observer}});
        auto first = locks->acquire("first"), second = locks->acquire("second");
        std::promise<void> secondTold;
        std::atomic<bool> inTime{false};
        const std::stop_callback onFirst(first.lossToken(), [&, told = secondTold.get_future().share()]
                                         { inTime = told.wait_for(30s) == std::future_status::ready; });
        const std::stop_callback onSecond(second.lossToken(), [&] { secondTold.set_value(); });
        locks.reset();
        CPPUNIT_ASSERT(second.lossToken().stop_requested());
        CPPUNIT_ASSERT(waitUntil([&] { return observer->count("lost ") == 2; }));
        CPPUNIT_ASSERT(inTime);
    }

    /// A stopping service releases lost leases in the storage, also if its keeper had no time for it before.
    void testLostLocksAreGivenBackWhenTheServiceEnds()
    {
        std::optional<LockManagerService> locks = service();
        auto kept = locks->acquire("kept");
        auto lock = locks->acquire("job", {.ttl = 1min, .maxHold = 12s});
        store->close(StoreVerb::renew);
        clock->advance(12s);
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::renew)); // the keeper hangs there
        CPPUNIT_ASSERT(lossOf(lock) == LossReason::maxHold);
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        locks.reset();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        store->open(StoreVerb::renew);
    }

    void testStopCallbackMayDestroyTheService()
    {
        std::optional<LockManagerService> locks = service();
        auto lock = locks->acquire("job", {.maxHold = 1s});
        auto other = locks->acquire("other");
        std::atomic<bool> destroyed{false}, otherWasTold{false};
        {
            const std::stop_callback onLoss(lock.lossToken(),
                                            [&, told = other.lossToken()]
                                            {
                                                locks.reset();
                                                otherWasTold = told.stop_requested();
                                                destroyed = true;
                                            });
            clock->advance(1s);
            CPPUNIT_ASSERT(waitUntil([&] { return destroyed.load(); }));
        }
        CPPUNIT_ASSERT(lossOf(lock) == LossReason::maxHold);
        CPPUNIT_ASSERT(lossOf(other) == LossReason::serviceStopped);
        CPPUNIT_ASSERT_MESSAGE("although this callback had not returned", otherWasTold);
        CPPUNIT_ASSERT_MESSAGE("its thread still tells what is left",
                               waitUntil([&] { return observer->count("lost other serviceStopped") == 1; }));
    }

    /// Guards against a service that is stopped during an acquire, starts its threads again, and leaves a lock that no thread keeps.
    void testServiceThatEndsWhileALockIsBeingGrantedGrantsNone()
    {
        std::optional<LockManagerService> locks = service();
        locks->withLock("warm up", [] {});
        store->close(StoreVerb::acquire, GatedLockStore::Side::after);
        auto call = std::async(std::launch::async, [&] { return locks->acquire("job"); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire));
        locks.reset();
        messageOf<LockStoreUnavailable>([&] { auto lock = call.get(); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("acquired job"));
    }

    void testThreeThreadsServeAnyNumberOfLocks()
    {
        auto locks = service();
        locks.find("none");
        const auto before = threads();
        std::vector<Lock> held;
        held.push_back(locks.acquire("first"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, threadsBeside(before));
        for (int i = 0; i < 1000; ++i)
            held.push_back(locks.acquire("lock " + std::to_string(i)));
        clock->advance(1min);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("while they are kept", std::size_t{3}, threadsBeside(before));
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        clock->advance(1min);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("while they are lost", std::size_t{3}, threadsBeside(before));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1001}, observer->count("lost"));
    }

    /// Guards against races between the start and the stop of a service's threads.
    void testServiceThatStopsWhileItStartsLeavesNeitherThreadNorHolder()
    {
        for (int round = 0; round < 50; ++round)
        {
            std::optional<LockManagerService> locks = service();
            store->close(StoreVerb::prepare);
            std::vector<std::future<Lock>> calls;
            for (int i = 0; i < 4; ++i)
                calls.push_back(std::async(std::launch::async, [&target = *locks, name = std::to_string(round) + "/" + std::to_string(i)]
                                           { return target.acquire(name); }));
            CPPUNIT_ASSERT(waitUntil([&] { return clock->waiting() == 4; })); // one thread prepares the store, the others wait for it
            auto opener = std::async(std::launch::async, [&] { store->open(StoreVerb::prepare); });
            locks.reset();
            opener.get();
            for (auto& call : calls)
                requireStopped(call);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, clock->waiting());
    }

    void testMovedLockIsHeldByItsNewOwner()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        {
            Lock moved(std::move(lock));
            CPPUNIT_ASSERT(moved.isHeld());
            // NOLINTBEGIN(bugprone-use-after-move): what is left says so
            for (const std::function<void()>& use :
                 std::initializer_list<std::function<void()>>{
                     [&] { static_cast<void>(lock.name()); }, [&] { static_cast<void>(lock.fence()); },
                     [&] { static_cast<void>(lock.remaining()); }, [&] { static_cast<void>(lock.isHeld()); }, [&] { lock.requireHeld(); },
                     [&] { static_cast<void>(lock.lossToken()); }, [&] { lock.release(); }})
                assertNames(messageOf<LockException>(use), {"moved from"});
            // NOLINTEND(bugprone-use-after-move)
            Lock& same = moved;
            moved = std::move(same);
            CPPUNIT_ASSERT_MESSAGE("moved to itself it stays", moved.isHeld());
            CPPUNIT_ASSERT(isHeldInStorage("job"));
        }
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::release));
    }

    void testLockThatIsAssignedOverIsReleasedFirst()
    {
        auto locks = service();
        auto first = locks.acquire("first");
        first = locks.acquire("second");
        CPPUNIT_ASSERT(!isHeldInStorage("first"));
        CPPUNIT_ASSERT_EQUAL(std::string("second"), first.name());
        CPPUNIT_ASSERT(first.isHeld());
        Lock empty(std::move(first));
        first = std::move(empty); // into a moved-from object
        CPPUNIT_ASSERT(first.isHeld());
    }

    void testDestroyedLockIsReleasedAndItsTroubleTold()
    {
        auto locks = service();
        {
            auto lock = locks.acquire("job");
        }
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("released job"));
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable);
        {
            auto lock = locks.acquire("job");
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
        faulty->clear();
        {
            auto lock = locks.acquire("lost", {.maxHold = 1s});
            clock->advance(2s);
        }
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost lost maxHold"));
        CPPUNIT_ASSERT_MESSAGE("what the storage still keeps is freed for the others", !isHeldInStorage("lost"));
        auto lock = locks.acquire("reopened");
        const auto record = memory->find("reopened", context());
        clock->advance(5s);
        memory->breakLock("reopened", record->fence, BreakMode::now, context());
        CPPUNIT_ASSERT(takeAsAnother("reopened"));
        lock = locks.acquire("another");
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost reopened refused"));
        CPPUNIT_ASSERT_MESSAGE("a stale holder's destructor frees nobody else's lock", isHeldInStorage("reopened"));
    }

    void testWorkThatReachesMaxHoldLosesItsResult()
    {
        auto locks = service();
        try
        {
            locks.withLock("job", [this] { clock->advance(1min); }, {.maxHold = 1min});
            CPPUNIT_FAIL("a lost lock looked like success");
        }
        catch (const LockLostError& error)
        {
            CPPUNIT_ASSERT(error.reason() == LossReason::maxHold);
        }
        clock->settle();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testWhatTheCallbackThrowsIsPassedOnAlsoIfTheLockWasLost()
    {
        auto locks = service();
        const auto work = [this]
        {
            clock->advance(2s);
            throw std::domain_error("the work's own trouble");
        };
        const auto message = messageOf<std::domain_error>([&] { locks.withLock("job", work, {.maxHold = 1s}); });
        CPPUNIT_ASSERT_EQUAL(std::string("the work's own trouble"), message);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job maxHold"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServiceLifeTest);
