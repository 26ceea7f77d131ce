#include "Leasehold/StoreListener.h"
#include "ServiceFixture.h"
#include "thrown.h"

#include <atomic>
#include <stop_token>

using namespace Leasehold;
using namespace std::chrono_literals;

class LossTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(LossTest);
    CPPUNIT_TEST(testAHangingStoreDoesNotDelayTheLoss);
    CPPUNIT_TEST(testTheHolderIsToldBeforeAnybodyElseCanHoldTheLock);
    CPPUNIT_TEST(testARefusedRenewalIsALossAtOnce);
    CPPUNIT_TEST(testAListeningStoreTellsOfALossAtOnce);
    CPPUNIT_TEST(testAtMaxHoldTheLockIsGivenUp);
    CPPUNIT_TEST(testAPausedProcessKnowsBeforeAnyThreadHasRun);
    CPPUNIT_TEST(testRequireHeldWantsWhatIsAskedForToBeLeft);
    CPPUNIT_TEST(testALossTokenThatIsTakenAfterTheLossIsStopped);
    CPPUNIT_TEST(testAReleaseFiresNoLossToken);
    CPPUNIT_TEST(testEachLossIsToldOnce);
    CPPUNIT_TEST(testAHolderThatGivesBackALostLockFreesItForTheOthers);
    CPPUNIT_TEST(testALostLockThatCannotBeGivenBackIsToldOf);
    CPPUNIT_TEST(testAStopCallbackThatBlocksDelaysNoOtherLoss);
    CPPUNIT_TEST(testAnObserverThatThrowsDelaysNoOtherAndIsCounted);
    CPPUNIT_TEST_SUITE_END();

public:
    void testAHangingStoreDoesNotDelayTheLoss()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        const auto lost = lock.lossToken();
        store->close(StoreVerb::renew);
        clock->advance(27s - 100ms);
        CPPUNIT_ASSERT(!lost.stop_requested());
        CPPUNIT_ASSERT(lock.isHeld());
        clock->advance(100ms);
        CPPUNIT_ASSERT(lost.stop_requested());
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job expired"));
        store->open(StoreVerb::renew);
    }

    void testTheHolderIsToldBeforeAnybodyElseCanHoldTheLock()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        bool couldBeTaken = true;
        const std::stop_callback onLoss(lock.lossToken(), [&] { couldBeTaken = takeAsAnother("job"); });
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        clock->advance(27s);
        CPPUNIT_ASSERT(!couldBeTaken);
        clock->advance(3s);
        CPPUNIT_ASSERT(takeAsAnother("job"));
    }

    void testARefusedRenewalIsALossAtOnce()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        const auto lost = lock.lossToken();
        CPPUNIT_ASSERT(locks.breakLock("job", lock.fence()));
        CPPUNIT_ASSERT(lock.isHeld());
        clock->advance(10s);
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT(lost.stop_requested());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job refused"));
        assertNames(messageOf<LockLostError>([&] { lock.requireHeld(); }), {"\"job\"", "no longer ours"});
        messageOf<LockLostError>([&] { lock.release(); });
    }

    void testAListeningStoreTellsOfALossAtOnce()
    {
        struct Listening : FaultyLockStore
        {
            using FaultyLockStore::FaultyLockStore;
            AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
            {
                auto reply = FaultyLockStore::acquire(request, context);
                last = {request.name, request.token, reply.record.fence};
                return reply;
            }
            void setListener(std::shared_ptr<StoreListener> newListener) override { listener = std::move(newListener); }
            LeaseRef last;
            std::shared_ptr<StoreListener> listener;
        };
        const auto listening = std::make_shared<Listening>(memory);
        auto locks = std::make_unique<LockManagerService>(listening, policy, ServiceParts{.clock = clock, .observers = {observer}});
        auto other = locks->acquire("other");
        auto lock = locks->acquire("job");
        listening->listener->lost({"job", "a token of nobody", lock.fence()});
        CPPUNIT_ASSERT(lock.isHeld());
        listening->listener->lost(listening->last);
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT(other.isHeld());
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job refused"));
        const auto late = listening->listener;
        locks.reset();
        CPPUNIT_ASSERT(!listening->listener);
        late->lost(listening->last); // a hint after the end reaches nobody
        late->mayBeFree("job");
    }

    void testAtMaxHoldTheLockIsGivenUp()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.maxHold = 45s});
        const auto lost = lock.lossToken();
        clock->advance(45s - 1ms);
        CPPUNIT_ASSERT(lock.isHeld());
        clock->advance(1ms);
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT(lost.stop_requested());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job maxHold"));
        assertNames(messageOf<LockLostError>([&] { lock.release(); }), {"maxHold"});
        policy.lease.maxHold = 1s;
        auto strict = service();
        auto unlimited = strict.acquire("unlimited", {.maxHold = forever});
        auto limited = strict.acquire("limited");
        clock->advance(10s);
        CPPUNIT_ASSERT(unlimited.isHeld());
        CPPUNIT_ASSERT(!limited.isHeld());
    }

    void testAPausedProcessKnowsBeforeAnyThreadHasRun()
    {
        /// A clock that can jump while every thread sleeps on: the process was stopped, and its holder runs first.
        struct JumpingClock : Clock
        {
            time_point now() const noexcept override { return time_point{duration{ticks.load()}}; }
            std::unique_ptr<Waiter> makeWaiter() const override { return inner->makeWaiter(); }
            std::shared_ptr<ManualClock> inner = std::make_shared<ManualClock>();
            std::atomic<rep> ticks{duration(1h).count()};
        };
        const auto jumping = std::make_shared<JumpingClock>();
        LockManagerService locks(std::make_shared<MemoryLockStore>(jumping), policy, {.clock = jumping, .observers = {observer}});
        auto asked = locks.acquire("asked");
        auto released = locks.acquire("released");
        jumping->ticks += Clock::duration(27s).count();
        CPPUNIT_ASSERT(!asked.isHeld());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{0}, asked.remaining());
        assertNames(messageOf<LockLostError>([&] { asked.requireHeld(); }), {"this process was paused"});
        messageOf<LockLostError>([&] { released.release(); });
        messageOf<LockLostError>([&] { locks.withLock("work", [&] { jumping->ticks += Clock::duration(27s).count(); }); });
    }

    void testRequireHeldWantsWhatIsAskedForToBeLeft()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        lock.requireHeld(27s);
        assertNames(messageOf<LockLostError>([&] { lock.requireHeld(27s + 1ms); }), {"\"job\"", "only 27s", "27001ms", "still held"});
        lock.release();
        assertNames(messageOf<LockLostError>([&] { lock.requireHeld(); }), {"it was released before"});
    }

    void testALossTokenThatIsTakenAfterTheLossIsStopped()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.maxHold = 1s});
        clock->advance(1s);
        CPPUNIT_ASSERT(lock.lossToken().stop_requested());
    }

    void testAReleaseFiresNoLossToken()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        const auto lost = lock.lossToken();
        lock.release();
        lock.release();
        clock->advance(1min);
        CPPUNIT_ASSERT(!lost.stop_requested());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::release));
    }

    void testEachLossIsToldOnce()
    {
        auto locks = service();
        std::vector<Lock> held;
        for (int i = 0; i < 1000; ++i)
            held.push_back(locks.acquire("lock " + std::to_string(i)));
        std::atomic<int> told{0};
        std::vector<std::unique_ptr<std::stop_callback<std::function<void()>>>> callbacks;
        for (const auto& lock : held)
            callbacks.push_back(std::make_unique<std::stop_callback<std::function<void()>>>(lock.lossToken(), [&] { ++told; }));
        store->close(StoreVerb::renew);
        clock->advance(27s);
        CPPUNIT_ASSERT_EQUAL(1000, told.load());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, observer->count("lost lock "));
        store->open(StoreVerb::renew);
        clock->advance(1min);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, observer->count("lost lock "));
    }

    void testAHolderThatGivesBackALostLockFreesItForTheOthers()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.maxHold = 1s});
        clock->advance(1s);
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        messageOf<LockLostError>([&] { lock.release(); });
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        messageOf<LockLostError>([&] { lock.release(); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::release));
    }

    void testALostLockThatCannotBeGivenBackIsToldOf()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.maxHold = 1s});
        clock->advance(1s);
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable);
        assertNames(messageOf<LockLostError>([&] { lock.release(); }), {"maxHold"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
    }

    void testAStopCallbackThatBlocksDelaysNoOtherLoss()
    {
        struct Opening // also when the test fails: the stop_callback is waited for
        {
            Clock::Waiter& gate;
            ~Opening() { gate.wake(); }
        };
        auto locks = service();
        auto blocking = locks.acquire("blocking", {.maxHold = 1s});
        auto together = locks.acquire("together", {.maxHold = 1s});
        auto later = locks.acquire("later", {.maxHold = 2s});
        awaitRest(3);
        const std::shared_ptr<Clock::Waiter> gate = clock->makeWaiter();
        std::atomic<bool> returned{false};
        const auto block = [&]
        {
            gate->waitUntil(LocalTime::max()); // a thread that waits by the clock lets time pass
            returned = true;
        };
        const auto lostTogether = together.lossToken(), lostLater = later.lossToken();
        {
            const std::stop_callback onLoss(blocking.lossToken(), block);
            const Opening opening{*gate};
            clock->advance(1s + 50ms);
            awaitRest(4); // the notifier that takes over may be late to begin
            CPPUNIT_ASSERT(lostTogether.stop_requested());
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost together maxHold"));
            clock->advance(1s);
            CPPUNIT_ASSERT(lostLater.stop_requested());
            CPPUNIT_ASSERT(!returned);
        } // the end of the stop_callback waits for its call
        CPPUNIT_ASSERT(returned);
        CPPUNIT_ASSERT(
            waitUntil([&] { return observer->count("callbackMisbehaved a stop callback on the loss token of lock \"blocking\"") == 1; }));
    }

    void testAnObserverThatThrowsDelaysNoOtherAndIsCounted()
    {
        struct Throwing : LockObserver
        {
            void acquired(const std::string&, Fence, Elapsed) override { throw std::runtime_error("an observer's own trouble"); }
            void lost(const std::string&, Fence, LossReason) override { throw 7; } // NOLINT: not even an exception
        };
        LockManagerService locks(store, policy, {.clock = clock, .observers = {std::make_shared<Throwing>(), observer}});
        auto first = locks.acquire("first", {.maxHold = 1s});
        auto second = locks.acquire("second", {.maxHold = 1s});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, observer->count("callbackMisbehaved"));
        clock->advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost first maxHold"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost second maxHold"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, observer->count("callbackMisbehaved"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LossTest);
