#include "ServiceFixture.h"
#include "thrown.h"

#include <atomic>
#include <optional>
#include <stop_token>

using namespace Leasehold;
using namespace std::chrono_literals;

namespace
{

/// A lock, the end of its lease when the outage began, and the time when its holder was told of the loss.
struct Told
{
    explicit Told(Lock held) : lock(std::move(held)) {}

    Lock lock;
    LocalTime validUntil{};
    std::atomic<LocalClock::rep> toldAt{0};
    std::optional<std::stop_callback<std::function<void()>>> onLoss{};
};

} // namespace

/// Tests when holders are told, on a clock that only the test moves.
class LossTimingTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(LossTimingTest);
    CPPUNIT_TEST(test1000LossesAreToldInTimeInEachOf20Outages);
    CPPUNIT_TEST(testNoLockIsLostInAnOutageThatEndsInTime);
    CPPUNIT_TEST(testReleaseAndRenewalAnswerMayCross);
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
        clock->advance(20s + round * 77ms); // the locks are renewed, and each outage begins at another time of the renewal interval
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
            const LocalTime toldAt{LocalClock::duration{told->toldAt.load()}};
            CPPUNIT_ASSERT_MESSAGE("earlier than it may be", toldAt >= told->validUntil - 100ms);
            CPPUNIT_ASSERT_MESSAGE("later than it may be", toldAt <= told->validUntil + 50ms);
        }
    }

public:
    void test1000LossesAreToldInTimeInEachOf20Outages()
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
            clock->advance(16s); // the renewal is due at 10 s at the latest, the lease ends at 27 s
            faulty->clear();
            clock->advance(21s);
        }
        for (const auto& lock : held)
            CPPUNIT_ASSERT(lock.isHeld());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, observer->count("lost"));
    }

    /// Races of release and renewal: the answer to the renewal of a released lease changes nothing.
    void testReleaseAndRenewalAnswerMayCross()
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
