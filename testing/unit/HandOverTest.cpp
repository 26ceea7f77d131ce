#include "WaitFixture.h"
#include "WaitLines.h"

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

/// Records the acquire requests. Can act as a store that does not reserve fences.
class Witness : public PolledStore
{
public:
    explicit Witness(std::shared_ptr<LockStore> inner, bool spares = true) : PolledStore(std::move(inner)), _spares(spares) {}

    StoreInfo info() const override
    {
        auto info = PolledStore::info();
        info.reservesFences = _spares;
        return info;
    }

    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
    {
        {
            const std::lock_guard guard(_mutex);
            _asked.push_back(request);
        }
        return PolledStore::acquire(request, context);
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

/// After arm(), blocks the next thread whose `waited` event it gets.
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

/// A lease that threads of one process hand over without a step of the storage.
class HandOverTest : public CppUnit::TestFixture, private WaitFixture
{
    CPPUNIT_TEST_SUITE(HandOverTest);
    CPPUNIT_TEST(testWaitersGetTheLeaseWithoutAStepOfTheStorage);
    CPPUNIT_TEST(testLoneWaiterReservesNoFence);
    CPPUNIT_TEST(testLaterGrantHasNoReservedFence);
    CPPUNIT_TEST(testStoreWithoutReservedFencesIsAskedForEachGrant);
    CPPUNIT_TEST(testStoreThatReservesFewerFencesThanItSaysIsAnError);
    CPPUNIT_TEST(testWaiterForAnotherLeaseAsksTheStorage);
    CPPUNIT_TEST(testLeaseWhoseRenewalIsDueIsReleased);
    CPPUNIT_TEST(testLeaseIsReleasedAfterATurn);
    CPPUNIT_TEST(testHandedOverLeaseIsRenewedAndLostLikeAnother);
    CPPUNIT_TEST(testEachHolderHasItsOwnMaxHold);
    CPPUNIT_TEST(testDoneHolderDoesNothingToTheNext);
    CPPUNIT_TEST(testLeaseWhoseTakerLeavesGoesToTheNext);
    CPPUNIT_TEST(testLeaseWhoseTakerLeavesIsReleasedIfItFitsNobody);
    CPPUNIT_TEST(testLeaseThatNobodyTakesIsReleased);
    CPPUNIT_TEST(testUnclaimedHandoverIsReleased);
    CPPUNIT_TEST(testGrantOfTheStorageEndsALeaseHandedPastIt);
    CPPUNIT_TEST(testHandOverPassesAWaiterThatAsksTheStorage);
    CPPUNIT_TEST(testLeaseThatIsHandedOnIsOurs);
    CPPUNIT_TEST(testFencesAreReservedOnlyForWaitersThatTheLeaseFits);
    CPPUNIT_TEST(testAtMost64FencesAreReservedForAGrant);
    CPPUNIT_TEST(testHandedOverLeaseIsReleasedWhenTheServiceStops);
    CPPUNIT_TEST(testLeaseThatCannotBeReleasedExpires);
    CPPUNIT_TEST(testRequestWithAnUnknownOutcomeIsSentAgainUnchanged);
    CPPUNIT_TEST(testFindAndListShowTheFenceOfTheHolder);
    CPPUNIT_TEST(testBreakByTheHoldersFenceWorksWhileALeaseIsHandedOn);
    CPPUNIT_TEST(testBreakByTheFenceOfAnEarlierHolderIsRefused);
    CPPUNIT_TEST(testBreakIsToldToTheHolderOfThisProcessAtOnce);
    CPPUNIT_TEST_SUITE_END();

    using Line = std::vector<std::future<LockAttempt>>;

    /// A thread of `locks` holds "job" with a lease that was handed to it, and one more thread waits. Also the first holder's lease.
    struct HandedOn
    {
        Line waiters;
        std::optional<Lock> holder{};
        Fence earlier = 0;
    };

    HandedOn handOn(LockManagerService& locks)
    {
        HandedOn handed;
        CPPUNIT_ASSERT(takeAsAnother("job"));
        handed.waiters = line(locks, 3);
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        clock->advance(1s);
        std::optional<Lock> first = std::move(*resultOf(handed.waiters[0]));
        handed.earlier = first->fence();
        first.reset();
        handed.holder = std::move(*resultOf(handed.waiters[1]));
        CPPUNIT_ASSERT_EQUAL(handed.earlier + 1, handed.holder->fence());
        CPPUNIT_ASSERT(handed.holder->fence() < memory->find("job", context())->fence);
        return handed;
    }

    /// Starts so many threads that wait for "job" in this order.
    Line line(LockManagerService& locks, std::size_t threads)
    {
        Line waiters;
        while (waiters.size() < threads)
            waiters.push_back(waitFor(locks, "job", {.wait = forever}));
        return waiters;
    }

    /// A lease between two holders: its holder has handed it to a waiter that the observer blocks. An event of the store had made this
    /// waiter ask and wait on.
    struct OnTheWay
    {
        std::shared_ptr<HearingStore> hearing;
        std::shared_ptr<HoldingUp> late = std::make_shared<HoldingUp>();
        std::unique_ptr<LockManagerService> locks{};
        std::future<LockAttempt> taker{}, next{};
        std::stop_source cancelTaker{};
        std::size_t acquires = 0, releases = 0; // counts at that time

        void letTheTakerLeave()
        {
            cancelTaker.request_stop();
            late->letGo();
            failureOf<LockWaitCancelled>(taker);
        }
    };

    /// `next`: the options of the thread that waits behind the taker.
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
        way.hearing->sink->mayBeFree("job");
        way.late->await();
        way.acquires = way.hearing->calls(StoreVerb::acquire);
        way.releases = way.hearing->calls(StoreVerb::release);
        first->release();
        return way;
    }

    std::size_t releases() const { return faulty->calls(StoreVerb::release); }

public:
    void testWaitersGetTheLeaseWithoutAStepOfTheStorage()
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

    void testLoneWaiterReservesNoFence()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiter = waitFor(locks, "job", {.wait = forever});
        own.reset();
        auto attempt = resultOf(waiter);
        CPPUNIT_ASSERT_EQUAL(memory->find("job", context())->fence, attempt->fence());
    }

    /// Guards against fences that a process counts itself, and that the storage grants again after a crash.
    void testLaterGrantHasNoReservedFence()
    {
        const auto still = std::make_shared<MemoryLockStore>(clock, [] { return std::int64_t{1'700'000'000'000'000}; });
        std::optional<LockManagerService> locks = runningOn(still);
        std::optional<Lock> own = locks->acquire("job");
        auto waiters = line(*locks, 3);
        own.reset();
        resultOf(waiters[0])->release();
        auto second = resultOf(waiters[1]);
        const auto last = second->fence();
        locks.reset(); // like a crash, this releases nothing
        failureOf<LockStoreUnavailable>(waiters[2]);
        clock->advance(30s);
        const auto next = still->acquire({"job", "another's token", 30s}, context());
        CPPUNIT_ASSERT(next.status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("one was left for the third", last + 2, next.record.fence);
    }

    void testStoreWithoutReservedFencesIsAskedForEachGrant()
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
            CPPUNIT_ASSERT_EQUAL(Fence{0}, request.reservedFences);
    }

    /// Guards against a fence below 0, which wraps around to the maximum, so that no later holder could exceed it.
    void testStoreThatReservesFewerFencesThanItSaysIsAnError()
    {
        class Boaster : public PolledStore
        {
        public:
            using PolledStore::PolledStore;
            AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
            {
                auto reply = PolledStore::acquire(request, context);
                if (request.reservedFences > 0)
                    reply.record.fence = 2; // this store counts from 1
                return reply;
            }
        };
        auto locks = runningOn(std::make_shared<Boaster>(memory));
        CPPUNIT_ASSERT(takeAsAnother("job"));
        auto waiters = line(locks, 3);
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        clock->advance(1s);
        assertNames(failureOf<LockStoreError>(waiters[0]), {"reserves fences"});
        CPPUNIT_ASSERT_MESSAGE("what nobody got is released, and the next is told, without a poll", resultOf(waiters[1]));
        clock->advance(1s);
        CPPUNIT_ASSERT(resultOf(waiters[2]));
    }

    void testWaiterForAnotherLeaseAsksTheStorage()
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

    void testLeaseWhoseRenewalIsDueIsReleased()
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

    void testLeaseIsReleasedAfterATurn()
    {
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 2);
        own.reset();
        auto first = resultOf(waiters[0]);
        clock->advance(500ms);
        const auto released = releases();
        first->release();
        const auto second = resultOf(waiters[1]); // at once: the storage says that no other process waits
        CPPUNIT_ASSERT(second);
        CPPUNIT_ASSERT_EQUAL(released + 1, releases());
    }

    void testHandedOverLeaseIsRenewedAndLostLikeAnother()
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

    void testDoneHolderDoesNothingToTheNext()
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

    void testLeaseWhoseTakerLeavesGoesToTheNext()
    {
        auto way = handOverToALateTaker(LockOptions{.wait = forever});
        way.letTheTakerLeave();
        CPPUNIT_ASSERT(resultOf(way.next));
        CPPUNIT_ASSERT_EQUAL(way.acquires, way.hearing->calls(StoreVerb::acquire));
    }

    void testLeaseWhoseTakerLeavesIsReleasedIfItFitsNobody()
    {
        auto way = handOverToALateTaker(LockOptions{.metadata = {{"host", "web-1"}}, .wait = forever});
        way.letTheTakerLeave();
        auto attempt = resultOf(way.next);
        CPPUNIT_ASSERT_EQUAL(way.releases + 1, way.hearing->calls(StoreVerb::release));
        CPPUNIT_ASSERT_EQUAL(way.acquires + 1, way.hearing->calls(StoreVerb::acquire));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), memory->find("job", context())->metadata);
    }

    void testLeaseThatNobodyTakesIsReleased()
    {
        auto way = handOverToALateTaker();
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        way.letTheTakerLeave();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    /// Guards against two holders in one process: a lease is handed over that was broken while the first of the line asked the storage.
    void testUnclaimedHandoverIsReleased()
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
        auto first = resultOf(taker[0]); // with a reserved fence
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

    void testGrantOfTheStorageEndsALeaseHandedPastIt()
    {
        const auto hearing = std::make_shared<HearingStore>(memory);
        const auto gated = std::make_shared<GatedLockStore>(hearing, clock);
        auto locks = runningOn(gated);
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 3);
        own.reset();
        auto first = resultOf(waiters[0]);
        gated->close(StoreVerb::acquire);
        hearing->sink->mayBeFree("job");
        CPPUNIT_ASSERT(gated->waitForArrival(StoreVerb::acquire));
        first->release();
        auto third = resultOf(waiters[2]); // while the second waits for the storage
        CPPUNIT_ASSERT(memory->breakLock("job", memory->find("job", context())->fence, BreakMode::now, context()));
        CPPUNIT_ASSERT(third->isHeld());
        gated->open(StoreVerb::acquire);
        auto second = resultOf(waiters[1]);
        CPPUNIT_ASSERT(second->fence() > third->fence());
        CPPUNIT_ASSERT_MESSAGE("it is told at once, not by its next renewal", !third->isHeld());
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job refused"));
    }

    /// Guards against a lock that is idle until an earlier request of its next holder ends.
    void testHandOverPassesAWaiterThatAsksTheStorage()
    {
        policy.wait.backoff = std::make_shared<FixedBackoff>(100ms);
        auto locks = running();
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 3);
        own.reset();
        auto first = resultOf(waiters[0]);
        store->close(StoreVerb::acquire);
        clock->advance(100ms);
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire));
        first->release();
        auto third = resultOf(waiters[2]);
        CPPUNIT_ASSERT(waitsOn(waiters[1]));
        third->release();
        CPPUNIT_ASSERT_MESSAGE("nobody is left for it who asks nothing", !isHeldInStorage("job"));
        store->open(StoreVerb::acquire);
        CPPUNIT_ASSERT(resultOf(waiters[1]));
    }

    /// Guards against a process that takes a lease on its way between two of its threads for that of another process.
    void testLeaseThatIsHandedOnIsOurs()
    {
        const auto now = clock->now();
        const AcquireRequest wish{.name = "job", .token = "a token", .ttl = 30s};
        WaitLines lines;
        WaitLines::Place asking(lines, "job", *clock, &wish), taker(lines, "job", *clock, &wish);
        CPPUNIT_ASSERT_EQUAL(Fence{1}, asking.beginQuestion(now)->reservedFences);
        CPPUNIT_ASSERT(lines.handOver({{"job", "a holder's token", 8}, 7, "{}", 30s, now + 30s, now}, now));
        asking.setHolder({.name = "job", .fence = 8}, now);
        CPPUNIT_ASSERT(asking.news().isOurs);
        asking.setHolder({.name = "job", .fence = 9}, now);
        CPPUNIT_ASSERT(!asking.news().isOurs);
        CPPUNIT_ASSERT(taker.takeHandoff());
    }

    void testFencesAreReservedOnlyForWaitersThatTheLeaseFits()
    {
        const auto witness = std::make_shared<Witness>(memory);
        auto locks = runningOn(witness);
        std::optional<Lock> own = locks.acquire("job");
        Line waiters = line(locks, 1);
        const auto wait = [&](LockOptions options)
        {
            options.wait = forever;
            waiters.push_back(waitFor(locks, "job", options));
        };
        wait({});
        wait({.fenceFloor = own->fence()});
        wait({.metadata = {{"worker", 2}}});
        wait({});
        wait({.ttl = 20s});
        own.reset();
        for (auto& waiter : waiters)
            resultOf(waiter)->release();
        const auto asked = witness->asked();
        std::vector<Fence> reserved;
        for (auto request = asked.end() - 4; request != asked.end(); ++request) // only the grants of the storage
            reserved.push_back(request->reservedFences);
        CPPUNIT_ASSERT((std::vector<Fence>{2, 0, 0, 0}) == reserved);
    }

    void testAtMost64FencesAreReservedForAGrant()
    {
        const auto witness = std::make_shared<Witness>(memory);
        auto locks = runningOn(witness);
        std::optional<Lock> own = locks.acquire("job");
        auto waiters = line(locks, 67);
        own.reset();
        std::size_t grants = 0;
        for (auto& waiter : waiters)
            grants += resultOf(waiter) ? 1 : 0;
        CPPUNIT_ASSERT_EQUAL(std::size_t{67}, grants);
        const auto asked = witness->asked();
        CPPUNIT_ASSERT_EQUAL(Fence{64}, (asked.end() - 2)->reservedFences);
        CPPUNIT_ASSERT_EQUAL(Fence{1}, asked.back().reservedFences);
    }

    void testHandedOverLeaseIsReleasedWhenTheServiceStops()
    {
        auto way = handOverToALateTaker();
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        way.locks.reset();
        way.late->letGo();
        failureOf<LockStoreUnavailable>(way.taker);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testLeaseThatCannotBeReleasedExpires()
    {
        auto way = handOverToALateTaker();
        way.hearing->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 1);
        way.letTheTakerLeave();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("releaseFailed job"));
        clock->advance(30s);
        CPPUNIT_ASSERT_MESSAGE("nobody renews it", way.locks->tryAcquire("job"));
    }

    /// Guards against the answer to a request without reserved fences that is taken for one with them.
    void testRequestWithAnUnknownOutcomeIsSentAgainUnchanged()
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
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, witness->asked().size()); // the first request is that of runningOn
        CPPUNIT_ASSERT_EQUAL(token, witness->asked().back().token);
        CPPUNIT_ASSERT_EQUAL(Fence{0}, witness->asked().back().reservedFences);
        CPPUNIT_ASSERT(releaseAsAnother("job").status == ReleaseStatus::released);
        clock->advance(1s);
        auto attempt = resultOf(first);
        CPPUNIT_ASSERT_EQUAL(memory->find("job", context())->fence, attempt->fence());
        attempt->release();
        CPPUNIT_ASSERT(resultOf(second));
    }

    void testFindAndListShowTheFenceOfTheHolder()
    {
        auto locks = running();
        auto handed = handOn(locks);
        CPPUNIT_ASSERT_EQUAL(handed.holder->fence(), locks.find("job")->fence);
        CPPUNIT_ASSERT_EQUAL(handed.holder->fence(), locks.list({}).front().fence);
        CPPUNIT_ASSERT_EQUAL(handed.holder->fence(), locks.tryAcquire("job", {.wait = 0ms}).holder().fence);
        handed.holder.reset();
        auto last = resultOf(handed.waiters[2]);
        CPPUNIT_ASSERT_EQUAL(last->fence(), locks.find("job")->fence);
    }

    void testBreakByTheHoldersFenceWorksWhileALeaseIsHandedOn()
    {
        for (const auto mode : {BreakMode::whenItEnds, BreakMode::now})
        {
            auto locks = running();
            auto handed = handOn(locks);
            CPPUNIT_ASSERT(locks.breakLock("job", handed.holder->fence(), mode));
            clock->advance(1min);
            CPPUNIT_ASSERT(resultOf(handed.waiters[2]));
        }
    }

    void testBreakByTheFenceOfAnEarlierHolderIsRefused()
    {
        auto locks = running();
        auto handed = handOn(locks);
        CPPUNIT_ASSERT(!locks.breakLock("job", handed.earlier, BreakMode::now));
        CPPUNIT_ASSERT(handed.holder->isHeld());
        handed.holder.reset();
        CPPUNIT_ASSERT(resultOf(handed.waiters[2]));
    }

    void testBreakIsToldToTheHolderOfThisProcessAtOnce()
    {
        auto locks = running();
        auto handed = handOn(locks);
        const auto lost = handed.holder->lossToken();
        CPPUNIT_ASSERT(locks.breakLock("job", handed.holder->fence(), BreakMode::now));
        CPPUNIT_ASSERT(!handed.holder->isHeld());
        auto next = resultOf(handed.waiters[2]); // from the storage, while no time passes
        CPPUNIT_ASSERT(waitUntil([&] { return lost.stop_requested(); }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job broken"));
        messageOf<LockLostError>([&] { handed.holder->release(); });
        CPPUNIT_ASSERT(next->isHeld());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HandOverTest);
