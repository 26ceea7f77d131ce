#include "HearingStore.h"
#include "ServiceFixture.h"
#include "thrown.h"

#include <atomic>
#include <stop_token>

using namespace Leasehold;
using namespace std::chrono_literals;

class LossTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(LossTest);
    CPPUNIT_TEST(testHangingStoreDoesNotDelayTheLoss);
    CPPUNIT_TEST(testHolderIsToldBeforeAnotherCanHoldTheLock);
    CPPUNIT_TEST(testRenewalOfABrokenLockIsLostAsBroken);
    CPPUNIT_TEST(testRefusedRenewalIsALossAtOnce);
    CPPUNIT_TEST(testLossTheFeedTellsIsALossAtOnce);
    CPPUNIT_TEST(testLockIsLostAtMaxHold);
    CPPUNIT_TEST(testLossByMaxHoldIsToldSoAtAnyMoment);
    CPPUNIT_TEST(testMaxHoldOfThreeHundredYearsIsHeld);
    CPPUNIT_TEST(testPausedProcessKnowsOfItsLossAtOnce);
    CPPUNIT_TEST(testRequireHeldThrowsIfTooLittleIsLeft);
    CPPUNIT_TEST(testRequireHeldForeverIsRefused);
    CPPUNIT_TEST(testReleasedLockSaysReleasedInEveryWay);
    CPPUNIT_TEST(testLossTokenTakenAfterTheLossIsStopped);
    CPPUNIT_TEST(testReleaseFiresNoLossToken);
    CPPUNIT_TEST(testEachLossIsToldOnce);
    CPPUNIT_TEST(testReleaseOfALostLockFreesItForOthers);
    CPPUNIT_TEST(testFailedReleaseOfALostLockIsTold);
    CPPUNIT_TEST(testReleaseOfALostLockDoesNotWaitForTheStore);
    CPPUNIT_TEST(testBlockedStopCallbackDelaysNoOtherLoss);
    CPPUNIT_TEST(testThrowingObserverIsCountedAndDelaysNoOther);
    CPPUNIT_TEST_SUITE_END();

    template <typename Action>
    static std::string reasonOf(Action action)
    {
        try
        {
            action();
        }
        catch (const LockLostError& error)
        {
            return toString(error.reason());
        }
        return "nothing was thrown";
    }

public:
    void testHangingStoreDoesNotDelayTheLoss()
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

    void testHolderIsToldBeforeAnotherCanHoldTheLock()
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

    void testRenewalOfABrokenLockIsLostAsBroken()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        const auto lost = lock.lossToken();
        CPPUNIT_ASSERT(memory->breakLock("job", lock.fence(), BreakMode::whenItEnds, context())); // another process
        CPPUNIT_ASSERT(lock.isHeld());
        clock->advance(10s);
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT(lost.stop_requested());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job broken"));
        assertNames(messageOf<LockLostError>([&] { lock.requireHeld(); }), {"\"job\"", "somebody broke it"});
        messageOf<LockLostError>([&] { lock.release(); });
    }

    void testRefusedRenewalIsALossAtOnce()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        const auto lost = lock.lossToken();
        CPPUNIT_ASSERT(memory->breakLock("job", lock.fence(), BreakMode::now, context()));
        CPPUNIT_ASSERT(takeAsAnother("job")); // the storage no longer has the broken lease
        CPPUNIT_ASSERT(lock.isHeld());
        clock->advance(10s);
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT(lost.stop_requested());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job refused"));
        assertNames(messageOf<LockLostError>([&] { lock.requireHeld(); }), {"\"job\"", "no longer ours"});
        messageOf<LockLostError>([&] { lock.release(); });
    }

    void testLossTheFeedTellsIsALossAtOnce()
    {
        struct Listening : HearingStore
        {
            using HearingStore::HearingStore;
            AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
            {
                auto reply = FaultyLockStore::acquire(request, context);
                last = {request.name, request.token, reply.record.fence};
                return reply;
            }
            LeaseRef last;
        };
        const auto listening = std::make_shared<Listening>(memory);
        auto locks = std::make_unique<LockManagerService>(listening, policy, ServiceParts{.clock = clock, .observers = {observer}});
        auto other = locks->acquire("other");
        auto lock = locks->acquire("job");
        const LeaseRef nobodys{"job", "a token of nobody", lock.fence()};
        listening->sink->lost({&nobodys, 1});
        CPPUNIT_ASSERT(lock.isHeld());
        listening->sink->lost({&listening->last, 1});
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT(other.isHeld());
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job refused"));
        locks.reset();
        CPPUNIT_ASSERT_MESSAGE("the feed has ended with the service", !listening->sink);
    }

    void testLockIsLostAtMaxHold()
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

    /// Guards against a wrong loss reason: the calendar's slots begin on whole milliseconds, a little before the end of maxHold.
    void testLossByMaxHoldIsToldSoAtAnyMoment()
    {
        auto locks = service();
        for (const LocalClock::duration offset : {0us, 1us, 300us, 999us})
        {
            clock->advance(offset);
            auto lock = locks.acquire("job", {.maxHold = 45s});
            clock->advance(45s);
            CPPUNIT_ASSERT_EQUAL(std::string("maxHold"), reasonOf([&] { lock.requireHeld(); }));
            CPPUNIT_ASSERT_EQUAL(std::string("maxHold"), reasonOf([&] { lock.release(); }));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, observer->count("lost job maxHold"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, observer->count("lost job"));
    }

    void testMaxHoldOfThreeHundredYearsIsHeld()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.maxHold = std::chrono::hours(24 * 366 * 300)});
        CPPUNIT_ASSERT_EQUAL(Milliseconds{27s}, lock.remaining());
        clock->advance(1h);
        lock.release();
    }

    void testPausedProcessKnowsOfItsLossAtOnce()
    {
        /// A clock that can jump while all threads stay asleep: the process was stopped, and its holder runs first.
        struct JumpingClock : TimeSource
        {
            time_point now() const noexcept override { return time_point{duration{ticks.load()}}; }
            std::unique_ptr<Waiter> makeWaiter() const override { return inner->makeWaiter(); }
            std::shared_ptr<ManualClock> inner = std::make_shared<ManualClock>();
            std::atomic<LocalClock::rep> ticks{duration(1h).count()};
        };
        const auto jumping = std::make_shared<JumpingClock>();
        LockManagerService locks(std::make_shared<MemoryLockStore>(jumping), policy, {.clock = jumping, .observers = {observer}});
        auto asked = locks.acquire("asked");
        auto released = locks.acquire("released");
        jumping->ticks += LocalClock::duration(27s).count();
        CPPUNIT_ASSERT(!asked.isHeld());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{0}, asked.remaining());
        assertNames(messageOf<LockLostError>([&] { asked.requireHeld(); }), {"this process was paused"});
        messageOf<LockLostError>([&] { released.release(); });
        messageOf<LockLostError>([&] { locks.withLock("work", [&] { jumping->ticks += LocalClock::duration(27s).count(); }); });
    }

    void testRequireHeldThrowsIfTooLittleIsLeft()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        lock.requireHeld(27s);
        assertNames(messageOf<LockLostError>([&] { lock.requireHeld(27s + 1ms); }), {"\"job\"", "only 27s", "27001ms", "still held"});
    }

    void testRequireHeldForeverIsRefused()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        for (const Milliseconds atLeast : {Milliseconds(std::chrono::hours(24 * 366 * 300)), forever})
            assertNames(messageOf<LockLostError>([&] { lock.requireHeld(atLeast); }), {"only 27s", formatDuration(atLeast), "still held"});
        lock.requireHeld(Milliseconds::min());
    }

    void testReleasedLockSaysReleasedInEveryWay()
    {
        const auto requireReleased = [&](Lock& lock)
        {
            CPPUNIT_ASSERT(!lock.isHeld());
            CPPUNIT_ASSERT_EQUAL(Milliseconds{0}, lock.remaining());
            CPPUNIT_ASSERT_EQUAL(std::string("released"), reasonOf([&] { lock.requireHeld(); }));
            const auto message = messageOf<LockLostError>([&] { lock.requireHeld(1s); });
            assertNames(message, {"\"job\"", "is not held any more: its holder released it before"});
            assertLacks(message, "was lost");
            lock.release(); // the second call does nothing
        };
        auto locks = std::make_unique<LockManagerService>(service());
        auto lock = locks->acquire("job");
        lock.release();
        requireReleased(lock);
        CPPUNIT_ASSERT_MESSAGE("another holds it", takeAsAnother("job"));
        requireReleased(lock);
        clock->advance(1h);
        requireReleased(lock);
        locks.reset();
        requireReleased(lock);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::release));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    void testLossTokenTakenAfterTheLossIsStopped()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.maxHold = 1s});
        clock->advance(1s);
        CPPUNIT_ASSERT(lock.lossToken().stop_requested());
    }

    void testReleaseFiresNoLossToken()
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

    void testReleaseOfALostLockFreesItForOthers()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.maxHold = 1s});
        clock->advance(1s);
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        messageOf<LockLostError>([&] { lock.release(); });
        clock->settle();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        messageOf<LockLostError>([&] { lock.release(); });
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::release));
    }

    void testFailedReleaseOfALostLockIsTold()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.maxHold = 1s});
        clock->advance(1s);
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable);
        assertNames(messageOf<LockLostError>([&] { lock.release(); }), {"maxHold"});
        clock->advance(28s);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("it is tried while the storage keeps the lease", std::size_t{0}, observer->count("releaseFailed job"));
        clock->advance(2s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job: a FaultyLockStore"));
    }

    /// Guards against losses that are told one call timeout after the other: in an outage, the stop callbacks of 50 locks release them.
    void testReleaseOfALostLockDoesNotWaitForTheStore()
    {
        constexpr int count = 50;
        auto locks = service();
        std::vector<std::unique_ptr<Lock>> held;
        std::vector<std::unique_ptr<std::stop_callback<std::function<void()>>>> callbacks;
        std::atomic<int> told{0};
        for (int i = 0; i < count; ++i)
        {
            held.push_back(std::make_unique<Lock>(locks.acquire("lock " + std::to_string(i))));
            const auto giveBack = [&told, lock = held.back().get()]
            {
                ++told;
                messageOf<LockLostError>([&] { lock->release(); });
            };
            callbacks.push_back(std::make_unique<std::stop_callback<std::function<void()>>>(held.back()->lossToken(), giveBack));
        }
        store->close(StoreVerb::renew);
        store->close(StoreVerb::release);
        clock->advance(27s);
        CPPUNIT_ASSERT_EQUAL(count, told.load());
        CPPUNIT_ASSERT_EQUAL(std::size_t{count}, observer->count("lost lock "));
        store->open(StoreVerb::renew);
        store->open(StoreVerb::release);
        clock->advance(2s);
        for (int i = 0; i < count; ++i)
            CPPUNIT_ASSERT_MESSAGE("it is given back before its lease ends", !isHeldInStorage("lock " + std::to_string(i)));
    }

    void testBlockedStopCallbackDelaysNoOtherLoss()
    {
        struct Opening // opens the gate also when the test fails, because the destructor of the stop_callback waits
        {
            TimeSource::Waiter& gate;
            ~Opening() { gate.wake(); }
        };
        auto locks = service();
        auto blocking = locks.acquire("blocking", {.maxHold = 1s});
        auto together = locks.acquire("together", {.maxHold = 1s});
        auto later = locks.acquire("later", {.maxHold = 2s});
        awaitRest(3);
        const std::shared_ptr<TimeSource::Waiter> gate = clock->makeWaiter();
        std::atomic<bool> returned{false};
        const auto block = [&]
        {
            gate->waitUntil(LocalTime::max()); // a wait by the clock, so that advance does not wait for this thread
            returned = true;
        };
        const auto lostTogether = together.lossToken(), lostLater = later.lossToken();
        {
            const std::stop_callback onLoss(blocking.lossToken(), block);
            const Opening opening{*gate};
            clock->advance(1s + 50ms);
            awaitRest(4); // the new notifier thread may start late
            CPPUNIT_ASSERT(lostTogether.stop_requested());
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost together maxHold"));
            clock->advance(1s);
            CPPUNIT_ASSERT(lostLater.stop_requested());
            CPPUNIT_ASSERT(!returned);
        } // the destructor of the stop_callback waits for its call
        CPPUNIT_ASSERT(returned);
        CPPUNIT_ASSERT(
            waitUntil([&] { return observer->count("callbackMisbehaved a stop callback on the loss token of lock \"blocking\"") == 1; }));
    }

    void testThrowingObserverIsCountedAndDelaysNoOther()
    {
        struct Throwing : LockObserver
        {
            void acquired(const std::string&, Fence, Elapsed) override { throw std::runtime_error("an observer's own trouble"); }
            void lost(const std::string&, Fence, LossReason) override { throw 7; } // NOLINT: not a std::exception
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
