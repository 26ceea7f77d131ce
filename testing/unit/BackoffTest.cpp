#include "Leasehold/Backoff.h"
#include "Leasehold/Exceptions.h"
#include "thrown.h"

#include <algorithm>
#include <limits>
#include <set>

using namespace Leasehold;
using namespace std::chrono_literals;

class BackoffTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(BackoffTest);
    CPPUNIT_TEST(testJitteredBackoffDoublesUpToItsMaximum);
    CPPUNIT_TEST(testWaitersSpread);
    CPPUNIT_TEST(testNobodyWaitsMuchLongerThanTheHoldersLease);
    CPPUNIT_TEST(testAnyAttemptNumberIsSafe);
    CPPUNIT_TEST(testFixedBackoffIsAlwaysTheSame);
    CPPUNIT_TEST(testBoundsThatCannotWorkAreRefused);
    CPPUNIT_TEST_SUITE_END();

    struct Range
    {
        Milliseconds shortest, longest;
    };

    static Range drawMany(const Backoff& backoff, int attempt, Milliseconds holderRemaining = 0ms)
    {
        Range seen{Milliseconds::max(), Milliseconds::min()};
        for (int i = 0; i < 500; ++i)
        {
            const auto delay = backoff.delay(attempt, holderRemaining);
            seen = {std::min(seen.shortest, delay), std::max(seen.longest, delay)};
        }
        return seen;
    }

public:
    void testJitteredBackoffDoublesUpToItsMaximum()
    {
        const JitteredBackoff backoff(100ms, 1500ms);
        Milliseconds top = 100ms;
        for (int attempt = 1; attempt <= 8; ++attempt)
        {
            const auto [shortest, longest] = drawMany(backoff, attempt);
            CPPUNIT_ASSERT(shortest >= top / 2);
            CPPUNIT_ASSERT(longest <= top);
            CPPUNIT_ASSERT_MESSAGE("the whole upper half is used", longest > top * 9 / 10 && shortest < top * 6 / 10);
            top = std::min(top * 2, Milliseconds{1500ms});
        }
    }

    void testWaitersSpread()
    {
        const JitteredBackoff backoff(1s, 1s);
        std::set<Milliseconds> drawn;
        for (int i = 0; i < 100; ++i)
            drawn.insert(backoff.delay(1, 0ms));
        CPPUNIT_ASSERT(drawn.size() > 50);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{1}, JitteredBackoff(1ms, 1ms).delay(1, 0ms));
    }

    void testNobodyWaitsMuchLongerThanTheHoldersLease()
    {
        const JitteredBackoff backoff(50ms, 10s);
        const auto [shortest, longest] = drawMany(backoff, 20, 700ms); // 5 to 10 s without a holder
        CPPUNIT_ASSERT_MESSAGE("not before its end", shortest > 700ms);
        CPPUNIT_ASSERT_MESSAGE("and soon after", longest <= 750ms);
        const auto longer = drawMany(backoff, 20, 1h);
        CPPUNIT_ASSERT_MESSAGE("a holder that has long is asked in between", longer.longest <= 10s);
    }

    void testAnyAttemptNumberIsSafe()
    {
        const JitteredBackoff huge(Milliseconds{1}, Backoff::longest);
        CPPUNIT_ASSERT(huge.delay(std::numeric_limits<int>::max(), 0ms) > Milliseconds{0});
        CPPUNIT_ASSERT(huge.delay(std::numeric_limits<int>::max(), 1s) <= 1s + 1ms);
        const auto first = huge.delay(0, 0ms);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{1}, first);
    }

    void testFixedBackoffIsAlwaysTheSame()
    {
        const FixedBackoff backoff(70ms);
        for (const int attempt : {1, 2, 1000})
            CPPUNIT_ASSERT_EQUAL(Milliseconds{70}, backoff.delay(attempt, 1s));
        CPPUNIT_ASSERT_EQUAL(Milliseconds{0}, FixedBackoff(0ms).delay(1, 0ms));
    }

    void testBoundsThatCannotWorkAreRefused()
    {
        assertNames(messageOf<LockConfigurationError>([] { JitteredBackoff backoff(0ms, 1s); }), {"0 to 1s", "at least 1ms"});
        assertNames(messageOf<LockConfigurationError>([] { JitteredBackoff backoff(2s, 1s); }),
                    {"2s to 1s", "`maximum` at least `initial`"});
        assertNames(messageOf<LockConfigurationError>([] { FixedBackoff backoff(-1ms); }), {"-1ms", "0 to 24h"});
        for (const Milliseconds tooLong : {Backoff::longest + 1ms, forever})
        {
            assertNames(messageOf<LockConfigurationError>([&] { FixedBackoff backoff(tooLong); }), {formatDuration(tooLong), "0 to 24h"});
            assertNames(messageOf<LockConfigurationError>([&] { JitteredBackoff backoff(1ms, tooLong); }), {"at most 24h"});
        }
        FixedBackoff longest(Backoff::longest);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BackoffTest);
