#include "Leasehold/LockMetrics.h"
#include "ServiceFixture.h"
#include "thrown.h"

#include <thread>

using namespace Leasehold;
using namespace std::chrono_literals;

class LockMetricsTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(LockMetricsTest);
    CPPUNIT_TEST(testEachEventIsCountedAsItself);
    CPPUNIT_TEST(testTimesAreSummedAndTheLongestKept);
    CPPUNIT_TEST(testNothingIsLostBetweenThreads);
    CPPUNIT_TEST(testWhatAServiceDoesIsCounted);
    CPPUNIT_TEST_SUITE_END();

    std::shared_ptr<LockMetrics> metrics = std::make_shared<LockMetrics>();

public:
    void testEachEventIsCountedAsItself()
    {
        const auto count = [&](auto member) { return metrics->snapshot().*member; };
        using Snapshot = LockMetrics::Snapshot;
        const std::vector<std::pair<std::uint64_t Snapshot::*, std::function<void()>>> events = {
            {&Snapshot::acquired, [&] { metrics->acquired("job", 1, 1ms); }},
            {&Snapshot::held, [&] { metrics->held("job", {}); }},
            {&Snapshot::waited, [&] { metrics->waited("job", {}, 1ms); }},
            {&Snapshot::storeUnavailable, [&] { metrics->storeUnavailable("job", "why", 1ms); }},
            {&Snapshot::renewed, [&] { metrics->renewed("job", 1, 1ms); }},
            {&Snapshot::renewalsFailed, [&] { metrics->renewalFailed("job", 1, "why", 1ms); }},
            {&Snapshot::lostExpired, [&] { metrics->lost("job", 1, LossReason::expired); }},
            {&Snapshot::lostRefused, [&] { metrics->lost("job", 1, LossReason::refused); }},
            {&Snapshot::lostMaxHold, [&] { metrics->lost("job", 1, LossReason::maxHold); }},
            {&Snapshot::lostServiceStopped, [&] { metrics->lost("job", 1, LossReason::serviceStopped); }},
            {&Snapshot::lostBroken, [&] { metrics->lost("job", 1, LossReason::broken); }},
            {&Snapshot::released, [&] { metrics->released("job", 1, 1ms); }},
            {&Snapshot::releasesFailed, [&] { metrics->releaseFailed("job", 1, "why"); }},
            {&Snapshot::callbacksMisbehaved, [&] { metrics->callbackMisbehaved("what"); }},
            {&Snapshot::prunesFailed, [&] { metrics->pruneFailed("why"); }},
        };
        for (const auto& [own, happen] : events)
        {
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, count(own));
            happen();
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, count(own));
        }
        for (const auto& [own, happen] : events)
            CPPUNIT_ASSERT_EQUAL_MESSAGE("the others' did not count here", std::uint64_t{1}, count(own));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, metrics->snapshot().lost());
    }

    void testTimesAreSummedAndTheLongestKept()
    {
        for (const auto took : {3ms, 7ms, 5ms})
        {
            metrics->acquired("job", 1, took);
            metrics->renewed("job", 1, took * 2);
            metrics->released("job", 1, took * 3);
        }
        const auto seen = metrics->snapshot();
        CPPUNIT_ASSERT(seen.acquireTime == 15ms);
        CPPUNIT_ASSERT(seen.longestAcquire == 7ms);
        CPPUNIT_ASSERT(seen.renewTime == 30ms);
        CPPUNIT_ASSERT(seen.longestRenew == 14ms);
        CPPUNIT_ASSERT(seen.heldTime == 45ms);
    }

    void testNothingIsLostBetweenThreads()
    {
        std::vector<std::thread> threads;
        for (int i = 1; i <= 4; ++i)
            threads.emplace_back(
                [this, i]
                {
                    for (int turn = 0; turn < 1000; ++turn)
                        metrics->acquired("job", 1, std::chrono::nanoseconds{i * 1000 + turn});
                });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4000}, metrics->snapshot().acquired);
        CPPUNIT_ASSERT(metrics->snapshot().longestAcquire == 4999ns);
    }

    void testWhatAServiceDoesIsCounted()
    {
        LockManagerService locks(store, policy, {.clock = clock, .observers = {metrics}});
        locks.withLock("job", [&] { clock->advance(15s); });
        auto lock = locks.acquire("job", {.maxHold = 1s});
        CPPUNIT_ASSERT(!locks.tryAcquire("job"));
        clock->advance(2s);
        const auto seen = metrics->snapshot();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, seen.acquired);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, seen.renewed);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, seen.released);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, seen.held);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, seen.lostMaxHold);
        CPPUNIT_ASSERT(seen.heldTime == 15s);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockMetricsTest);
