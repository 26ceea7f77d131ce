#include "ServiceFixture.h"
#include "thrown.h"

#include <optional>
#include <random>
#include <stdexcept>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Records the names in each renewal call to the storage.
class RenewalRecorder : public FaultyLockStore
{
public:
    using FaultyLockStore::FaultyLockStore;

    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        {
            const std::lock_guard guard(_mutex);
            auto& names = _calls.emplace_back();
            for (const auto& request : requests)
                names.push_back(request.lease.name);
        }
        return FaultyLockStore::renew(requests, context);
    }

    /// The records since the last call.
    std::vector<std::vector<std::string>> take()
    {
        const std::lock_guard guard(_mutex);
        return std::exchange(_calls, {});
    }

private:
    std::mutex _mutex;
    std::vector<std::vector<std::string>> _calls;
};

/// A store whose renewals take time by the test's clock: a time per call and a time per item. It keeps deadlines.
class SlowStore : public FaultyLockStore
{
public:
    SlowStore(std::shared_ptr<LockStore> inner, std::shared_ptr<const TimeSource> clock, LocalClock::duration aCall,
              LocalClock::duration anItem) :
        FaultyLockStore(std::move(inner)),
        _clock(std::move(clock)), _aCall(aCall), _anItem(anItem)
    {
    }

    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        const auto need = _aCall + _anItem * static_cast<LocalClock::rep>(requests.size());
        const auto left = context.timeLeft();
        const auto waiter = _clock->makeWaiter();
        const std::stop_callback onCancel(context.cancel(), [&waiter] { waiter->wake(); });
        if (waiter->waitUntil(_clock->now() + std::min<LocalClock::duration>(need, left)) || need > left)
            throw LockStoreUnavailable("the call was cancelled, or its deadline has passed");
        return FaultyLockStore::renew(requests, context);
    }

private:
    const std::shared_ptr<const TimeSource> _clock;
    const LocalClock::duration _aCall, _anItem;
};

} // namespace

class KeepingTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(KeepingTest);
    CPPUNIT_TEST(testLeaseIsRenewedAfterAThirdOfItsTtl);
    CPPUNIT_TEST(testLockIsKeptUntilItIsReleased);
    CPPUNIT_TEST(testReleasedLockIsNotRenewed);
    CPPUNIT_TEST(testLocksOfRandomTimesAreRenewedInFewBatches);
    CPPUNIT_TEST(testBatchIsSentInChunksOf1000MostUrgentFirst);
    CPPUNIT_TEST(testLeaseThatEndsFirstIsRenewedFirst);
    CPPUNIT_TEST(testOneChunkAsksForAllDuringAnOutage);
    CPPUNIT_TEST(testRefusedChunkDelaysNoOther);
    CPPUNIT_TEST(testFailedRenewalIsTriedAgainUntilTheLeaseEnds);
    CPPUNIT_TEST(testLateRenewalKeepsTheLock);
    CPPUNIT_TEST(testFailureOfOneItemAffectsNoOther);
    CPPUNIT_TEST(testTooFewRenewalAnswersAreAFailure);
    CPPUNIT_TEST(testRenewalAfterReleaseRevivesNothing);
    CPPUNIT_TEST(testAnswerAfterTheEndRevivesNothing);
    CPPUNIT_TEST(testShortLeaseEndsNoCallOfLongOnes);
    CPPUNIT_TEST(test20000LongLeasesDelayNoShortOne);
    CPPUNIT_TEST(testSlowStoreLosesTheShortLeaseButNoLongOne);
    CPPUNIT_TEST(testBackoffThatThrowsOrOverflowsEndsNothing);
    CPPUNIT_TEST(testEveryAcceptedPolicyKeepsItsLock);
    CPPUNIT_TEST_SUITE_END();

    std::shared_ptr<RenewalRecorder> recorder = std::make_shared<RenewalRecorder>(memory);

    static std::vector<Lock> takeMany(LockManagerService& locks, int count)
    {
        std::vector<Lock> held;
        held.reserve(static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i)
            held.push_back(locks.acquire("long " + std::to_string(i)));
        return held;
    }

    static std::size_t stillHeld(const std::vector<Lock>& locks)
    {
        return static_cast<std::size_t>(std::ranges::count_if(locks, [](const Lock& lock) { return lock.isHeld(); }));
    }

    LockManagerService slow(LocalClock::duration aCall, LocalClock::duration anItem) const
    {
        return LockManagerService(std::make_shared<SlowStore>(memory, clock, aCall, anItem), policy,
                                  {.clock = clock, .observers = {observer}});
    }

    LockManagerService recorded() const { return LockManagerService(recorder, policy, {.clock = clock, .observers = {observer}}); }

public:
    void testLeaseIsRenewedAfterAThirdOfItsTtl()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        clock->advance(9s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, faulty->calls(StoreVerb::renew));
        clock->advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::renew));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("a renewal is due at a whole millisecond", Milliseconds{27s - 1ms}, lock.remaining());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{30s}, memory->find("job", context())->remaining);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("renewed job"));
    }

    void testLockIsKeptUntilItIsReleased()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        const auto lost = lock.lossToken();
        clock->advance(10min);
        CPPUNIT_ASSERT(lock.isHeld());
        CPPUNIT_ASSERT(!lost.stop_requested());
        CPPUNIT_ASSERT(!takeAsAnother("job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{60}, faulty->calls(StoreVerb::renew));
        lock.release();
        CPPUNIT_ASSERT(takeAsAnother("job"));
    }

    void testReleasedLockIsNotRenewed()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        lock.release();
        clock->advance(1min);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, faulty->calls(StoreVerb::renew));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    void testLocksOfRandomTimesAreRenewedInFewBatches()
    {
        constexpr std::size_t count = 10'000;
        auto locks = recorded();
        std::vector<Lock> held;
        std::mt19937 generator(4711); // NOLINT: the same times in each run
        for (std::size_t i = 0; i < count; ++i)
        {
            held.push_back(locks.acquire("lock " + std::to_string(i)));
            if (i % 20 == 0)
                clock->advance(Milliseconds{std::uniform_int_distribution<int>(0, 120)(generator)});
        }
        clock->advance(1min); // the renewals settle into batches
        recorder->take();
        clock->advance(1min);
        const auto calls = recorder->take();
        std::size_t renewals = 0;
        for (const auto& call : calls)
            renewals += call.size();
        CPPUNIT_ASSERT_MESSAGE(std::to_string(renewals) + " renewals", renewals >= 5 * count && renewals <= 7 * count);
        // Without batches these would be 60,000 calls; the minimum is 10 full chunks in each of 6 intervals.
        CPPUNIT_ASSERT_MESSAGE(std::to_string(calls.size()) + " calls", calls.size() <= 120);
        for (const auto& lock : held)
            CPPUNIT_ASSERT(lock.isHeld());
    }

    void testBatchIsSentInChunksOf1000MostUrgentFirst()
    {
        auto locks = recorded();
        std::vector<Lock> held;
        for (int i = 0; i < 2400; ++i)
            held.push_back(locks.acquire("late " + std::to_string(i)));
        held.push_back(locks.acquire("urgent", {.ttl = 27s})); // its renewal after 9 s takes the others along
        clock->advance(9s);
        const auto calls = recorder->take();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, calls.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, calls[0].size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, calls[1].size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{401}, calls[2].size());
        CPPUNIT_ASSERT_EQUAL(std::string("urgent"), calls[0][0]);
    }

    void testLeaseThatEndsFirstIsRenewedFirst()
    {
        policy.lease.renewAfter = 5s;
        auto locks = recorded();
        auto longer = locks.acquire("longer", {.ttl = 60s});
        clock->advance(1s);
        auto shorter = locks.acquire("shorter", {.ttl = 30s});
        recorder->take();
        clock->advance(4s);
        const auto calls = recorder->take();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls.size());
        CPPUNIT_ASSERT((std::vector<std::string>{"shorter", "longer"}) == calls[0]);
    }

    /// Guards against chunks that each wait for an unavailable store, until the leases of the last one have ended.
    void testOneChunkAsksForAllDuringAnOutage()
    {
        auto locks = recorded();
        std::vector<Lock> held;
        for (int i = 0; i < 2500; ++i)
            held.push_back(locks.acquire("lock " + std::to_string(i)));
        recorder->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 5);
        clock->advance(10s + 800ms); // five attempts, one every 200 ms
        auto calls = recorder->take();
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, calls.size());
        for (const auto& call : calls)
            CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, call.size());
        clock->advance(200ms);
        calls = recorder->take();
        std::size_t renewals = 0;
        for (const auto& call : calls)
            renewals += call.size();
        CPPUNIT_ASSERT_EQUAL_MESSAGE("all, as soon as it is back", std::size_t{2500}, renewals);
        for (const auto& lock : held)
            CPPUNIT_ASSERT_EQUAL(Milliseconds{27s - 1ms}, lock.remaining()); // a renewal is due at a whole millisecond
    }

    void testRefusedChunkDelaysNoOther()
    {
        auto locks = recorded();
        std::vector<Lock> held;
        for (int i = 0; i < 2500; ++i)
            held.push_back(locks.acquire("lock " + std::to_string(i)));
        recorder->fail(StoreVerb::renew, FaultyLockStore::Trouble::error, FaultyLockStore::When::before, 1);
        clock->advance(10s);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("the store is there", std::size_t{3}, recorder->take().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, observer->count("renewalFailed"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1500}, observer->count("renewed"));
        clock->advance(200ms);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, recorder->take().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2500}, observer->count("renewed"));
    }

    void testFailedRenewalIsTriedAgainUntilTheLeaseEnds()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        clock->advance(26s);
        CPPUNIT_ASSERT(lock.isHeld());
        const auto tries = faulty->calls(StoreVerb::renew);
        CPPUNIT_ASSERT_MESSAGE(std::to_string(tries) + " tries", tries >= 75); // one every 200 ms for 16 s
        CPPUNIT_ASSERT_EQUAL(tries, observer->count("renewalFailed job left"));
        clock->advance(1s);
        CPPUNIT_ASSERT(!lock.isHeld());
        const auto all = faulty->calls(StoreVerb::renew);
        clock->advance(1min);
        CPPUNIT_ASSERT_EQUAL(all, faulty->calls(StoreVerb::renew));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job expired"));
    }

    void testLateRenewalKeepsTheLock()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::error);
        clock->advance(26s);
        faulty->clear();
        clock->advance(1min);
        CPPUNIT_ASSERT(lock.isHeld());
        lock.release();
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    void testFailureOfOneItemAffectsNoOther()
    {
        for (const auto status : {RenewStatus::unavailable, RenewStatus::failed})
        {
            auto locks = service();
            auto bad = locks.acquire("bad");
            auto good = locks.acquire("good");
            faulty->answerRenewals(status, FaultyLockStore::always, "bad");
            clock->advance(28s);
            CPPUNIT_ASSERT(!bad.isHeld());
            CPPUNIT_ASSERT(good.isHeld());
            faulty->clear();
            messageOf<LockLostError>([&] { bad.release(); });
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, observer->count("lost bad expired"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost good"));
    }

    void testTooFewRenewalAnswersAreAFailure()
    {
        struct Short : FaultyLockStore
        {
            using FaultyLockStore::FaultyLockStore;
            std::vector<RenewReply> renew(std::span<const RenewRequest>, const CallContext&) override { return {}; }
        };
        LockManagerService locks(std::make_shared<Short>(memory), policy, {.clock = clock, .observers = {observer}});
        auto lock = locks.acquire("job");
        clock->advance(10s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("renewalFailed job left 17s: the store answered 0 of 1 renewals"));
        CPPUNIT_ASSERT(lock.isHeld());
    }

    void testRenewalAfterReleaseRevivesNothing()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        store->close(StoreVerb::renew);
        clock->advance(10s);
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::renew));
        lock.release();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        store->open(StoreVerb::renew);
        clock->settle();
        CPPUNIT_ASSERT(!lock.isHeld());
        CPPUNIT_ASSERT_EQUAL_MESSAGE("a released lock is not lost", std::size_t{0}, observer->count("lost"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("renewed"));
    }

    void testAnswerAfterTheEndRevivesNothing()
    {
        policy.lease.callTimeout = 8s; // the last attempt begins late and ends after the lease
        auto locks = service();
        auto lock = locks.acquire("job");
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        clock->advance(26s);
        faulty->clear();
        store->close(StoreVerb::renew, GatedLockStore::Side::after);
        clock->advance(200ms);
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::renew));
        clock->advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("lost job expired"));
        store->open(StoreVerb::renew);
        clock->settle();
        CPPUNIT_ASSERT_MESSAGE("its holder was told", !lock.isHeld());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{0}, lock.remaining());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("renewed"));
    }

    /// Guards against the shortest call timeout of a chunk as the deadline of all: 999 of 1,000 leases were lost.
    void testShortLeaseEndsNoCallOfLongOnes()
    {
        policy.lease.ttl = 6s;
        auto locks = slow(5ms, 100us); // 105 ms per chunk; the call timeout of the short lease is 75 ms
        const auto held = takeMany(locks, 2000);
        auto brief = locks.acquire("short", {.ttl = 300ms});
        clock->advance(20s);
        CPPUNIT_ASSERT_EQUAL(held.size(), stillHeld(held));
        CPPUNIT_ASSERT(brief.isHeld());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("renewalFailed"));
    }

    /// Guards against renewals that come due while twenty chunks are sent and are not sent before the last chunk is answered.
    void test20000LongLeasesDelayNoShortOne()
    {
        policy.lease.ttl = 6s;
        auto locks = slow(5ms, 40us); // 0.9 s for all chunks
        const auto held = takeMany(locks, 20'000);
        auto brief = locks.acquire("short", {.ttl = 1s});
        clock->advance(30s);
        CPPUNIT_ASSERT(brief.isHeld());
        CPPUNIT_ASSERT_EQUAL(held.size(), stillHeld(held));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    /// Guards against calls for long leases that are postponed again and again while the calls for a short lease time out.
    void testSlowStoreLosesTheShortLeaseButNoLongOne()
    {
        policy.lease.ttl = 6s;
        auto locks = slow(80ms, 40us);
        const auto held = takeMany(locks, 2000);
        auto brief = locks.acquire("short", {.ttl = 300ms});
        clock->advance(20s);
        CPPUNIT_ASSERT_EQUAL(held.size(), stillHeld(held));
        CPPUNIT_ASSERT_MESSAGE("no answer comes within its call timeout", !brief.isHeld());
    }

    void testBackoffThatThrowsOrOverflowsEndsNothing()
    {
        struct Given : Backoff
        {
            explicit Given(std::optional<Milliseconds> theDelay) : given(theDelay) {}
            Milliseconds delay(int, Milliseconds) const override
            {
                return given ? *given : throw std::runtime_error("an application's own trouble");
            }
            const std::optional<Milliseconds> given;
        };
        policy.retry.maxAttempts = 1;
        for (const auto delay : {std::optional<Milliseconds>{}, std::optional(Milliseconds{-5}), std::optional(Milliseconds{0})})
        {
            policy.retry.backoff = std::make_shared<Given>(delay);
            auto locks = service();
            auto lock = locks.acquire("job");
            faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 10);
            clock->advance(11s);
            CPPUNIT_ASSERT(lock.isHeld());
            CPPUNIT_ASSERT_EQUAL(Milliseconds{27s - 990ms - 1ms}, lock.remaining()); // ten attempts, one every millisecond
        }
        policy.retry.backoff = std::make_shared<Given>(forever);
        auto locks = service();
        auto lock = locks.acquire("job");
        const auto before = faulty->calls(StoreVerb::renew);
        faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 1);
        clock->advance(26s);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("forever is never", before + 1, faulty->calls(StoreVerb::renew));
    }

    /// Guards against accepted policies whose renewal is due after the watchdog has marked the lease lost.
    void testEveryAcceptedPolicyKeepsItsLock()
    {
        int accepted = 0;
        for (const Milliseconds ttl : {100ms, 101ms, 150ms, 1000ms, 10'000ms})
        {
            for (const Milliseconds margin : {Milliseconds{1}, ttl / 10, ttl / 2, ttl - 24ms})
            {
                for (const Milliseconds spare : {0ms, 1ms, 2ms, 3ms, 20ms, 22ms, 50ms})
                {
                    policy.lease.ttl = ttl;
                    policy.lease.safetyMargin = margin;
                    policy.lease.renewAfter = std::max(ttl - margin - spare, Milliseconds{1});
                    try
                    {
                        policy.validate();
                    }
                    catch (const LockConfigurationError&)
                    {
                        continue;
                    }
                    ++accepted;
                    auto locks = service();
                    auto lock = locks.acquire("job");
                    clock->advance(20 * *policy.lease.renewAfter + 200ms); // it would be lost after its first renewal at the latest
                    CPPUNIT_ASSERT_MESSAGE("ttl " + formatDuration(ttl) + ", margin " + formatDuration(margin) + ", renewed after " +
                                               formatDuration(*policy.lease.renewAfter),
                                           lock.isHeld());
                }
            }
        }
        CPPUNIT_ASSERT_MESSAGE(std::to_string(accepted) + " were accepted", accepted > 20);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KeepingTest);
