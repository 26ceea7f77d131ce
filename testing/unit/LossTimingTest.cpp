#include "ServiceFixture.h"
#include "thrown.h"

#include <atomic>
#include <optional>
#include <stop_token>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// A lock, until when it was surely held when the outage began, and when its holder was told of the loss.
struct Told
{
    Lock lock;
    LocalTime validUntil{};
    std::atomic<Clock::rep> toldAt{0};
    std::optional<std::stop_callback<std::function<void()>>> onLoss{};
};

} // namespace

/// When holders are told, on a clock that only the test moves.
class LossTimingTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(LossTimingTest);
    CPPUNIT_TEST(testThousandLossesAreEachToldInTimeOverTwentyOutages);
    CPPUNIT_TEST(testNoLockIsLostInAnOutageThatEndsInTime);
    CPPUNIT_TEST(testAReleaseAndTheAnswerOfItsRenewalMayCrossInAnyOrder);
    CPPUNIT_TEST_SUITE_END();

    void outage(LockManagerService& locks, int round)
    {
        constexpr int count = 1000;
        const Milliseconds ttl = round % 2 == 0 ? 10s : 2s;
        std::vector<std::unique_ptr<Told>> all;
        for (int i = 0; i < count; ++i)
        {
            all.push_back(std::make_unique<Told>(locks.acquire(std::to_string(round) + "/" + std::to_string(i), {.ttl = ttl})));
            auto& told = *all.back();
            told.onLoss.emplace(told.lock.lossToken(), [this, &told] { told.toldAt = clock->now().time_since_epoch().count(); });
            if (i % 50 == 0)
                clock->advance(5ms);
        }
        clock->advance(20s + round * 77ms); // they are kept, and the outage comes at another moment of the interval each time
        if (round % 3 == 0)
            faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
        else
            store->close(StoreVerb::renew, round % 3 == 1 ? GatedLockStore::Side::before : GatedLockStore::Side::after);
        for (auto& told : all)
        {
            CPPUNIT_ASSERT(told->lock.isHeld());
            told->validUntil = clock->now() + told->lock.remaining();
        }
        clock->advance(ttl);
        store->open(StoreVerb::renew);
        faulty->clear();
        for (const auto& told : all)
        {
            const LocalTime toldAt{Clock::duration{told->toldAt.load()}};
            CPPUNIT_ASSERT_MESSAGE("earlier than it may be", toldAt >= told->validUntil - 100ms);
            CPPUNIT_ASSERT_MESSAGE("later than it may be", toldAt <= told->validUntil + 50ms);
        }
    }

public:
    void testThousandLossesAreEachToldInTimeOverTwentyOutages()
    {
        auto locks = service();
        for (int round = 0; round < 20; ++round)
            outage(locks, round);
        CPPUNIT_ASSERT_EQUAL(std::size_t{20'000}, observer->count("lost "));
    }

    void testNoLockIsLostInAnOutageThatEndsInTime()
    {
        auto locks = service();
        std::vector<Lock> held;
        for (int i = 0; i < 200; ++i)
        {
            held.push_back(locks.acquire("lock " + std::to_string(i)));
            clock->advance(Milliseconds{37});
        }
        for (int round = 0; round < 10; ++round)
        {
            faulty->fail(StoreVerb::renew, FaultyLockStore::Trouble::unavailable);
            clock->advance(16s); // renewal is due at 10 s at the latest, the end is at 27 s
            faulty->clear();
            clock->advance(21s);
        }
        for (const auto& lock : held)
            CPPUNIT_ASSERT(lock.isHeld());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    /// Of release and renewal whichever comes first: the answer for a lease that was released changes nothing.
    void testAReleaseAndTheAnswerOfItsRenewalMayCrossInAnyOrder()
    {
        for (const auto side : {GatedLockStore::Side::before, GatedLockStore::Side::after})
        {
            for (const bool answerIsLost : {false, true})
            {
                auto locks = service();
                auto lock = locks.acquire("job");
                const auto lost = lock.lossToken();
                auto other = locks.acquire("other");
                if (answerIsLost)
                    faulty->answerRenewals(RenewStatus::lost, FaultyLockStore::always, "job");
                store->close(StoreVerb::renew, side);
                clock->advance(10s);
                CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::renew));
                lock.release();
                store->open(StoreVerb::renew);
                clock->advance(1min);
                CPPUNIT_ASSERT(!lock.isHeld());
                CPPUNIT_ASSERT(!lost.stop_requested());
                CPPUNIT_ASSERT(!isHeldInStorage("job"));
                CPPUNIT_ASSERT(other.isHeld());
                faulty->clear();
            }
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("renewed job"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LossTimingTest);
