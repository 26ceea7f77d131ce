#include "ServiceFixture.h"
#include "thrown.h"

#include <random>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// Writes down the renewals that reach the storage: the names of each call.
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

    /// Those since the last call of this.
    std::vector<std::vector<std::string>> take()
    {
        const std::lock_guard guard(_mutex);
        return std::exchange(_calls, {});
    }

private:
    std::mutex _mutex;
    std::vector<std::vector<std::string>> _calls;
};

} // namespace

class KeepingTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(KeepingTest);
    CPPUNIT_TEST(testALeaseIsRenewedAfterAThirdOfItsTtl);
    CPPUNIT_TEST(testALockIsKeptForAsLongAsItIsNotReleased);
    CPPUNIT_TEST(testAReleasedLockIsNotRenewed);
    CPPUNIT_TEST(testLocksTakenAtRandomMomentsSettleIntoFewBatches);
    CPPUNIT_TEST(testABatchTravelsInChunksOfAThousandTheMostUrgentFirst);
    CPPUNIT_TEST(testTheLeaseThatEndsFirstIsTheFirstOfItsBatch);
    CPPUNIT_TEST(testWhileTheStoreIsAwayOneChunkAsksForAll);
    CPPUNIT_TEST(testAChunkThatIsRefusedHoldsUpNoOther);
    CPPUNIT_TEST(testARenewalThatFailsIsTriedAgainUntilTheLeaseEnds);
    CPPUNIT_TEST(testARenewalThatSucceedsInTheEndKeepsTheLock);
    CPPUNIT_TEST(testTroubleWithOneItemTroublesNoOther);
    CPPUNIT_TEST(testAStoreThatAnswersTooFewRenewalsIsInTrouble);
    CPPUNIT_TEST(testARenewalThatArrivesAfterTheReleaseRevivesNothing);
    CPPUNIT_TEST(testAnAnswerThatComesAfterTheEndRevivesNothing);
    CPPUNIT_TEST_SUITE_END();

    std::shared_ptr<RenewalRecorder> recorder = std::make_shared<RenewalRecorder>(memory);

    LockManagerService recorded() const { return LockManagerService(recorder, policy, {.clock = clock, .observers = {observer}}); }

public:
    void testALeaseIsRenewedAfterAThirdOfItsTtl()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        clock->advance(9s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, faulty->calls(StoreVerb::renew));
        clock->advance(1s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::renew));
        CPPUNIT_ASSERT_EQUAL(Milliseconds{27s}, lock.remaining());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{30s}, memory->find("job", context())->remaining);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("renewed job"));
    }

    void testALockIsKeptForAsLongAsItIsNotReleased()
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

    void testAReleasedLockIsNotRenewed()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        lock.release();
        clock->advance(1min);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, faulty->calls(StoreVerb::renew));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    void testLocksTakenAtRandomMomentsSettleIntoFewBatches()
    {
        constexpr std::size_t count = 10'000;
        auto locks = recorded();
        std::vector<Lock> held;
        std::mt19937 generator(4711); // NOLINT: the same moments each time
        for (std::size_t i = 0; i < count; ++i)
        {
            held.push_back(locks.acquire("lock " + std::to_string(i)));
            if (i % 20 == 0)
                clock->advance(Milliseconds{std::uniform_int_distribution<int>(0, 120)(generator)});
        }
        clock->advance(1min); // they settle
        recorder->take();
        clock->advance(1min);
        const auto calls = recorder->take();
        std::size_t renewals = 0;
        for (const auto& call : calls)
            renewals += call.size();
        CPPUNIT_ASSERT_MESSAGE(std::to_string(renewals) + " renewals", renewals >= 5 * count && renewals <= 7 * count);
        // Without batches these would be 60,000 calls; 10 full chunks for each of 6 intervals are the least.
        CPPUNIT_ASSERT_MESSAGE(std::to_string(calls.size()) + " calls", calls.size() <= 120);
        for (const auto& lock : held)
            CPPUNIT_ASSERT(lock.isHeld());
    }

    void testABatchTravelsInChunksOfAThousandTheMostUrgentFirst()
    {
        auto locks = recorded();
        std::vector<Lock> held;
        for (int i = 0; i < 2400; ++i)
            held.push_back(locks.acquire("late " + std::to_string(i)));
        held.push_back(locks.acquire("urgent", {.ttl = 27s})); // its renewal, after 9 s, takes the others along
        clock->advance(9s);
        const auto calls = recorder->take();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, calls.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, calls[0].size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, calls[1].size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{401}, calls[2].size());
        CPPUNIT_ASSERT_EQUAL(std::string("urgent"), calls[0][0]);
    }

    void testTheLeaseThatEndsFirstIsTheFirstOfItsBatch()
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

    /// Guards: chunks that each waited for a store that was away, until the leases of the last had ended.
    void testWhileTheStoreIsAwayOneChunkAsksForAll()
    {
        auto locks = recorded();
        std::vector<Lock> held;
        for (int i = 0; i < 2500; ++i)
            held.push_back(locks.acquire("lock " + std::to_string(i)));
        recorder->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 5);
        clock->advance(10s + 800ms); // five tries, one each 200 ms
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
            CPPUNIT_ASSERT_EQUAL(Milliseconds{27s}, lock.remaining());
    }

    void testAChunkThatIsRefusedHoldsUpNoOther()
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

    void testARenewalThatFailsIsTriedAgainUntilTheLeaseEnds()
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

    void testARenewalThatSucceedsInTheEndKeepsTheLock()
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

    void testTroubleWithOneItemTroublesNoOther()
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

    void testAStoreThatAnswersTooFewRenewalsIsInTrouble()
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

    void testARenewalThatArrivesAfterTheReleaseRevivesNothing()
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

    void testAnAnswerThatComesAfterTheEndRevivesNothing()
    {
        policy.lease.callTimeout = 8s; // the last attempt begins late and outlasts the lease
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
};

CPPUNIT_TEST_SUITE_REGISTRATION(KeepingTest);
