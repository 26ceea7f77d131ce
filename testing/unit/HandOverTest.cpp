#include "WaitFixture.h"

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Writes down what it is asked for; can be a store that has no fences to spare.
class Witness : public FaultyLockStore
{
public:
    explicit Witness(std::shared_ptr<LockStore> inner, bool spares = true) : FaultyLockStore(std::move(inner)), _spares(spares) {}

    StoreInfo info() const override
    {
        auto info = FaultyLockStore::info();
        info.sparesFences = _spares;
        return info;
    }

    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
    {
        {
            const std::lock_guard guard(_mutex);
            _asked.push_back(request);
        }
        return FaultyLockStore::acquire(request, context);
    }

    std::vector<AcquireRequest> asked() const
    {
        const std::lock_guard guard(_mutex);
        return _asked;
    }

private:
    const bool _spares;
    mutable std::mutex _mutex;
    std::vector<AcquireRequest> _asked;
};

/// Holds up, from the moment of arm() on, the next thread that is told to wait on.
class HoldingUp : public LockObserver
{
public:
    void waited(const std::string&, const LockRecord&, Elapsed) override
    {
        if (!_armed.exchange(false))
            return;
        _arrived.release();
        static_cast<void>(_goOn.try_acquire_for(30s));
    }

    void arm() { _armed = true; }
    void await() { CPPUNIT_ASSERT(_arrived.try_acquire_for(30s)); }
    void letGo() { _goOn.release(); }

private:
    std::atomic<bool> _armed{false};
    std::binary_semaphore _arrived{0}, _goOn{0};
};

} // namespace

/// A lease that goes from thread to thread of a process without a step of the storage.
class HandOverTest : public CppUnit::TestFixture, private WaitFixture
{
    CPPUNIT_TEST_SUITE(HandOverTest);
    CPPUNIT_TEST(testThoseInLineGetTheLeaseWithoutAStepOfTheStorage);
    CPPUNIT_TEST(testALoneWaiterAsksForNoFenceToSpare);
    CPPUNIT_TEST(testNoLaterGrantHasAFenceThatWasSpared);
    CPPUNIT_TEST(testAStoreThatSparesNoFencesIsAskedForEachGrant);
    CPPUNIT_TEST(testAStoreThatOnlySaysThatItSparesFencesIsAnError);
    CPPUNIT_TEST(testAWaiterForAnotherLeaseAsksTheStorage);
    CPPUNIT_TEST(testALeaseOfWhichARenewalIsDueGoesBack);
    CPPUNIT_TEST(testAfterATurnTheLeaseGoesBack);
    CPPUNIT_TEST(testALeaseThatWasHandedOverIsKeptAndLostLikeAnother);
    CPPUNIT_TEST(testEachHolderHasItsOwnMaxHold);
    CPPUNIT_TEST(testAHolderThatIsDoneDoesNothingToTheNext);
    CPPUNIT_TEST(testALeaseWhoseTakerLeavesGoesToTheNext);
    CPPUNIT_TEST(testALeaseWhoseTakerLeavesGoesBackIfItDoesNotFitTheNext);
    CPPUNIT_TEST(testALeaseThatNobodyTakesGoesBack);
    CPPUNIT_TEST(testALeaseForWhichNobodyIsLeftGoesBackThoughOthersWaitForAnother);
    CPPUNIT_TEST(testALeaseThatTheStorageHasEndedGoesToNobody);
    CPPUNIT_TEST(testALeaseThatCannotGoBackEndsByItself);
    CPPUNIT_TEST(testARequestOfWhichNobodyKnowsTheEndIsSentAgainAsItWas);
    CPPUNIT_TEST_SUITE_END();

    using Line = std::vector<std::future<LockAttempt>>;

    /// So many threads that wait for "job", in this order.
    Line line(LockManagerService& locks, std::size_t threads)
    {
        Line waiters;
        while (waiters.size() < threads)
            waiters.push_back(waitFor(locks, "job", {.wait = forever}));
        return waiters;
    }

    /// A lease in the hands of nobody: its holder has handed it to a waiter that the observer holds up. The store's hint had made that one
    /// ask, and so wait on.
    struct OnTheWay
    {
        std::shared_ptr<HearingStore> hearing;
        std::shared_ptr<HoldingUp> late = std::make_shared<HoldingUp>();
        std::unique_ptr<LockManagerService> locks{};
        std::future<LockAttempt> taker{}, next{};
        std::stop_source cancelTaker{};
        std::size_t acquires = 0, releases = 0; // until then

        void letTheTakerLeave()
        {
            cancelTaker.request_stop();
            late->letGo();
            failureOf<LockWaitCancelled>(taker);
        }
    };

    /// `next`: what waits behind the taker.
    OnTheWay handOverToALateTaker(const std::optional<LockOptions>& next = {})
    {
        OnTheWay way{.hearing = std::make_shared<HearingStore>(memory)};
        way.locks = std::make_unique<LockManagerService>(runningOn(way.hearing, way.late));
        std::optional<Lock> own = way.locks->acquire("job");
        auto waiters = line(*way.locks, 1);
        way.taker = waitFor(*way.locks, "job", {.wait = forever, .cancel = way.cancelTaker.get_token()});
        if (next)
            way.next = waitFor(*way.locks, "job", *next);
        own.reset();
        auto first = resultOf(waiters[0]);
        way.late->arm();
        way.hearing->listener->mayBeFree("job");
        way.late->await();
        way.acquires = way.hearing->calls(StoreVerb::acquire);
        way.releases = way.hearing->calls(StoreVerb::release);
        first->release();
        return way;
    }

    std::size_t releases() const { return faulty->calls(StoreVerb::release); }

public:
    void testThoseInLineGetTheLeaseWithoutAStepOfTheStorage()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        std::vector<Fence> fences{own->fence()};
        auto waiters = line(locks, 5);
        const auto acquired = acquires();
        const auto released = releases();
        own.reset();
        for (auto& waiter : waiters)
        {
            auto attempt = resultOf(waiter); // while no time passes
            fences.push_back(attempt->fence());
            CPPUNIT_ASSERT_EQUAL(Milliseconds{27s}, attempt->remaining());
            CPPUNIT_ASSERT_EQUAL(acquired + 1, acquires());
            CPPUNIT_ASSERT_EQUAL(released + 1, releases());
        }
        CPPUNIT_ASSERT(std::ranges::is_sorted(fences, std::less_equal<>()));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("the last gives it back", released + 2, releases());
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{6}, observer->count("acquired job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{6}, observer->count("released job"));
        CPPUNIT_ASSERT(locks.acquire("job").fence() > fences.back());
    }

    void testALoneWaiterAsksForNoFenceToSpare()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiter = waitFor(locks, "job", {.wait = forever});
        own.reset();
        auto attempt = resultOf(waiter);
        CPPUNIT_ASSERT_EQUAL(memory->find("job", context())->fence, attempt->fence());
    }

    /// Guards: fences that a process counts by itself, and that the storage grants again when it has crashed.
    void testNoLaterGrantHasAFenceThatWasSpared()
    {
        const auto still = std::make_shared<MemoryLockStore>(clock, [] { return std::int64_t{1'700'000'000'000'000}; });
        std::optional<LockManagerService> locks = runningOn(still);
        std::optional<Lock> own = locks->acquire("job");
        auto waiters = line(*locks, 3);
        own.reset();
        resultOf(waiters[0])->release();
        auto second = resultOf(waiters[1]);
        const auto last = second->fence();
        locks.reset(); // as a crash, it frees nothing
        failureOf<LockStoreUnavailable>(waiters[2]);
        clock->advance(30s);
        const auto next = still->acquire({"job", "another's token", 30s}, context());
        CPPUNIT_ASSERT(next.status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("one was left for the third", last + 2, next.record.fence);
    }

    void testAStoreThatSparesNoFencesIsAskedForEachGrant()
    {
        const auto witness = std::make_shared<Witness>(memory, false);
        auto locks = runningOn(witness);
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 4);
        const auto before = witness->calls(StoreVerb::acquire);
        own.reset();
        for (auto& waiter : waiters)
        {
            auto attempt = resultOf(waiter);
            CPPUNIT_ASSERT_EQUAL(memory->find("job", context())->fence, attempt->fence());
        }
        CPPUNIT_ASSERT_EQUAL(before + 4, witness->calls(StoreVerb::acquire));
        for (const auto& request : witness->asked())
            CPPUNIT_ASSERT_EQUAL(Fence{0}, request.spareFences);
    }

    /// Guards: a fence below nothing, which is the greatest of all, and which no later holder could pass.
    void testAStoreThatOnlySaysThatItSparesFencesIsAnError()
    {
        class Boaster : public FaultyLockStore
        {
        public:
            using FaultyLockStore::FaultyLockStore;
            AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
            {
                auto reply = FaultyLockStore::acquire(request, context);
                if (request.spareFences > 0)
                    reply.record.fence = 2; // and counts from 1
                return reply;
            }
        };
        auto locks = runningOn(std::make_shared<Boaster>(memory));
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiters = line(locks, 3);
        CPPUNIT_ASSERT(releaseAsAnother("job") == ReleaseStatus::released);
        clock->advance(1s);
        assertNames(failureOf<LockStoreError>(waiters[0]), {"spares fences"});
        clock->settle();
        CPPUNIT_ASSERT_MESSAGE("nobody keeps what nobody got", !isHeldInStorage("job"));
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(waiters[1]));
        CPPUNIT_ASSERT(resultOf(waiters[2]));
    }

    void testAWaiterForAnotherLeaseAsksTheStorage()
    {
        auto locks = running();
        const auto ahead = locks.acquire("other").fence() + 1'000'000;
        for (const LockOptions& wish : {LockOptions{.metadata = {{"host", "web-1"}}, .wait = forever},
                                        LockOptions{.ttl = 20s, .wait = forever}, LockOptions{.wait = forever, .fenceFloor = ahead}})
        {
            std::optional<Lock> own = locks.acquire("job");
            auto same = line(locks, 1);
            auto other = waitFor(locks, "job", wish);
            auto sameAgain = line(locks, 1);
            const auto before = acquires();
            own.reset();
            resultOf(same[0])->release();
            {
                auto attempt = resultOf(other);
                CPPUNIT_ASSERT_EQUAL(before + 2, acquires());
                const auto record = memory->find("job", context());
                CPPUNIT_ASSERT_EQUAL(wish.metadata.json(), record->metadata);
                CPPUNIT_ASSERT_EQUAL(wish.ttl.value_or(30s), record->ttl);
                CPPUNIT_ASSERT(attempt->fence() > wish.fenceFloor);
            }
            resultOf(sameAgain[0])->release();
        }
    }

    void testALeaseOfWhichARenewalIsDueGoesBack()
    {
        policy.lease.ttl = 1s;
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 3);
        own.reset();
        auto first = resultOf(waiters[0]);
        const auto acquired = acquires();
        const auto released = releases();
        store->close(StoreVerb::renew);
        clock->advance(340ms);
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::renew));
        first->release();
        auto second = resultOf(waiters[1]);
        CPPUNIT_ASSERT_EQUAL(released + 1, releases());
        CPPUNIT_ASSERT_EQUAL(acquired + 1, acquires());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{900}, second->remaining());
        store->open(StoreVerb::renew);
        second->release();
        CPPUNIT_ASSERT(resultOf(waiters[2]));
    }

    void testAfterATurnTheLeaseGoesBack()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 2);
        own.reset();
        auto first = resultOf(waiters[0]);
        clock->advance(500ms);
        first->release();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT(waitsOn(waiters[1]));
        clock->advance(50ms);
        CPPUNIT_ASSERT(resultOf(waiters[1]));
    }

    void testALeaseThatWasHandedOverIsKeptAndLostLikeAnother()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 2);
        own.reset();
        resultOf(waiters[0])->release();
        auto second = resultOf(waiters[1]);
        const auto loss = second->lossToken();
        clock->advance(1min);
        CPPUNIT_ASSERT(second->isHeld());
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        CPPUNIT_ASSERT(observer->count("renewed job") >= 5);
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        clock->advance(30s);
        CPPUNIT_ASSERT(!second->isHeld());
        CPPUNIT_ASSERT(loss.stop_requested());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job expired"));
    }

    void testEachHolderHasItsOwnMaxHold()
    {
        policy.lease.maxHold = 400ms;
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 2);
        own.reset();
        auto first = resultOf(waiters[0]);
        clock->advance(300ms);
        first->release();
        auto second = resultOf(waiters[1]);
        clock->advance(399ms);
        CPPUNIT_ASSERT(second->isHeld());
        clock->advance(1ms);
        CPPUNIT_ASSERT(!second->isHeld());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job maxHold"));
    }

    void testAHolderThatIsDoneDoesNothingToTheNext()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 2);
        own.reset();
        auto first = resultOf(waiters[0]);
        first->release();
        auto second = resultOf(waiters[1]);
        const auto before = releases();
        first->release();
        CPPUNIT_ASSERT(!first->isHeld());
        messageOf<LockLostError>([&] { first->requireHeld(); });
        clock->advance(25s);
        CPPUNIT_ASSERT(second->isHeld());
        CPPUNIT_ASSERT_EQUAL(before, releases());
        CPPUNIT_ASSERT(!first->lossToken().stop_requested());
    }

    void testALeaseWhoseTakerLeavesGoesToTheNext()
    {
        auto way = handOverToALateTaker(LockOptions{.wait = forever});
        way.letTheTakerLeave();
        CPPUNIT_ASSERT(resultOf(way.next));
        CPPUNIT_ASSERT_EQUAL(way.acquires, way.hearing->calls(StoreVerb::acquire));
    }

    void testALeaseWhoseTakerLeavesGoesBackIfItDoesNotFitTheNext()
    {
        auto way = handOverToALateTaker(LockOptions{.metadata = {{"host", "web-1"}}, .wait = forever});
        way.letTheTakerLeave();
        auto attempt = resultOf(way.next);
        CPPUNIT_ASSERT_EQUAL(way.releases + 1, way.hearing->calls(StoreVerb::release));
        CPPUNIT_ASSERT_EQUAL(way.acquires + 1, way.hearing->calls(StoreVerb::acquire));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), memory->find("job", context())->metadata);
    }

    void testALeaseThatNobodyTakesGoesBack()
    {
        auto way = handOverToALateTaker();
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        way.letTheTakerLeave();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    /// Guards: two holders in one process, when a lease is handed over that was broken while the first of the line asked the storage.
    void testALeaseForWhichNobodyIsLeftGoesBackThoughOthersWaitForAnother()
    {
        CPPUNIT_ASSERT(takeAsAnother("other"));
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto taker = line(locks, 1);
        std::stop_source leave;
        auto behind = waitFor(locks, "job", {.wait = forever, .cancel = leave.get_token()});
        std::stop_source leaveElsewhere;
        auto elsewhere = waitFor(locks, "other", {.wait = forever, .cancel = leaveElsewhere.get_token()});
        own.reset();
        auto first = resultOf(taker[0]); // with a fence to spare
        leave.request_stop();
        failureOf<LockWaitCancelled>(behind);
        const auto released = releases();
        first->release();
        CPPUNIT_ASSERT_EQUAL(released + 1, releases());
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT(waitsOn(elsewhere));
        leaveElsewhere.request_stop();
        failureOf<LockWaitCancelled>(elsewhere);
    }

    void testALeaseThatTheStorageHasEndedGoesToNobody()
    {
        const auto hearing = std::make_shared<HearingStore>(memory);
        const auto gated = std::make_shared<GatedLockStore>(hearing, clock);
        auto locks = runningOn(gated);
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 3);
        own.reset();
        auto first = resultOf(waiters[0]);
        gated->close(StoreVerb::acquire);
        hearing->listener->mayBeFree("job");
        CPPUNIT_ASSERT(gated->waitForArrival(StoreVerb::acquire));
        first->release();
        const auto handed = memory->find("job", context())->fence;
        CPPUNIT_ASSERT(memory->breakLock("job", handed, BreakMode::now, context()));
        gated->open(StoreVerb::acquire);
        auto second = resultOf(waiters[1]);
        CPPUNIT_ASSERT(second->fence() > handed);
        awaitRest(4);
        CPPUNIT_ASSERT(waitsOn(waiters[2]));
        second->release();
        CPPUNIT_ASSERT(resultOf(waiters[2]));
    }

    void testALeaseThatCannotGoBackEndsByItself()
    {
        auto way = handOverToALateTaker();
        way.hearing->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 1);
        way.letTheTakerLeave();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
        clock->advance(30s);
        CPPUNIT_ASSERT_MESSAGE("nobody renews it", way.locks->tryAcquire("job"));
    }

    /// Guards: an answer to a request without fences to spare that is taken for one with them.
    void testARequestOfWhichNobodyKnowsTheEndIsSentAgainAsItWas()
    {
        policy.retry = {2, std::make_shared<FixedBackoff>(0ms)};
        const auto witness = std::make_shared<Witness>(memory);
        auto locks = runningOn(witness);
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto first = waitFor(locks, "job", {.wait = forever});
        const auto token = witness->asked().back().token;
        witness->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 1);
        clock->advance(1s);
        auto second = waitFor(locks, "job", {.wait = forever});
        clock->advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, witness->asked().size()); // the first is of runningOn
        CPPUNIT_ASSERT_EQUAL(token, witness->asked().back().token);
        CPPUNIT_ASSERT_EQUAL(Fence{0}, witness->asked().back().spareFences);
        CPPUNIT_ASSERT(releaseAsAnother("job") == ReleaseStatus::released);
        clock->advance(1s);
        auto attempt = resultOf(first);
        CPPUNIT_ASSERT_EQUAL(memory->find("job", context())->fence, attempt->fence());
        attempt->release();
        CPPUNIT_ASSERT(resultOf(second));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HandOverTest);
