#include "Leasehold/Exceptions.h"
#include "Leasehold/ManualClock.h"
#include "Leasehold/Store/CallContext.h"
#include "Leasehold/TimeSource.h"
#include "Leasehold/waitUntil.h"
#include "thrown.h"

#include <atomic>
#include <csignal>
#include <ctime>
#include <exception>
#include <future>
#include <pthread.h>
#include <sys/resource.h>
#include <thread>
#include <type_traits>
#include <vector>

using namespace Leasehold;
using namespace std::chrono_literals;

/// The clock of production in real time, with waits of a few milliseconds, and the clock of the tests.
class ClockTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ClockTest);
    CPPUNIT_TEST(testLocalClockMeetsTheStandardsRequirements);
    CPPUNIT_TEST(testSystemsClockIsTheOneThatCountsSuspend);
    CPPUNIT_TEST(testWaitEndsAtItsDeadlineAndNotBefore);
    CPPUNIT_TEST(testDeadlineThatHasPassedEndsTheWaitAtOnce);
    CPPUNIT_TEST(testWakeEndsTheWaitOrTheNextOne);
    CPPUNIT_TEST(testWakeFromAnotherThreadEndsAWaitWithoutADeadline);
    CPPUNIT_TEST(testSignalDoesNotEndAWait);
    CPPUNIT_TEST(testWithoutDescriptorsAWaiterIsRefusedAndSaysWhy);
    CPPUNIT_TEST(testCallContextCountsDown);
    CPPUNIT_TEST(testShortenedCallContextEndsEarlierOnly);
    CPPUNIT_TEST(testSumsBeyondTheClockAreItsEnds);
    CPPUNIT_TEST(testManualTimePassesOnlyInAdvance);
    CPPUNIT_TEST(testAdvanceStopsAtEachDeadlineInTheirOrder);
    CPPUNIT_TEST(testAdvanceReturnsWhenWhoWasWokenWaitsAgain);
    CPPUNIT_TEST(testAdvanceWaitsForThoseWhomOneOfTheThreadsWokeInTurn);
    CPPUNIT_TEST(testSettleLetsNoTimePass);
    CPPUNIT_TEST(testManualWaiterMayEndBeforeItsClockOrAfterIt);
    CPPUNIT_TEST_SUITE_END();

    const std::shared_ptr<const TimeSource> _system = TimeSource::system();

    static std::chrono::nanoseconds boottime()
    {
        timespec now{};
        ::clock_gettime(CLOCK_BOOTTIME, &now);
        return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
    }

public:
    void testLocalClockMeetsTheStandardsRequirements()
    {
        static_assert(std::chrono::is_clock_v<LocalClock>);
        static_assert(std::is_same_v<LocalTime::clock, LocalClock>);
        const auto before = _system->now();
        const auto now = LocalClock::now();
        CPPUNIT_ASSERT(before <= now && now <= _system->now());
    }

    void testSystemsClockIsTheOneThatCountsSuspend()
    {
        const auto before = boottime();
        const auto now = _system->now().time_since_epoch();
        CPPUNIT_ASSERT(before <= now && now <= boottime());
        CPPUNIT_ASSERT_EQUAL(_system.get(), TimeSource::system().get());
    }

    void testWaitEndsAtItsDeadlineAndNotBefore()
    {
        const auto waiter = _system->makeWaiter();
        for (const LocalClock::duration span : {LocalClock::duration(1ms), LocalClock::duration(10ms), LocalClock::duration(1ns)})
        {
            const auto deadline = _system->now() + span;
            CPPUNIT_ASSERT(!waiter->waitUntil(deadline));
            CPPUNIT_ASSERT(_system->now() >= deadline);
        }
    }

    void testDeadlineThatHasPassedEndsTheWaitAtOnce()
    {
        const auto waiter = _system->makeWaiter();
        CPPUNIT_ASSERT(!waiter->waitUntil(_system->now()));
        CPPUNIT_ASSERT(!waiter->waitUntil(LocalTime{}));
        CPPUNIT_ASSERT(!waiter->waitUntil(LocalTime::min()));
    }

    void testWakeEndsTheWaitOrTheNextOne()
    {
        const auto waiter = _system->makeWaiter();
        waiter->wake();
        waiter->wake();
        CPPUNIT_ASSERT(waiter->waitUntil(LocalTime::max()));
        CPPUNIT_ASSERT_MESSAGE("several count as one", !waiter->waitUntil(_system->now() + 1ms));
        waiter->wake();
        CPPUNIT_ASSERT_MESSAGE("before a deadline that has passed", waiter->waitUntil(LocalTime{}));
    }

    void testWakeFromAnotherThreadEndsAWaitWithoutADeadline()
    {
        const std::shared_ptr<TimeSource::Waiter> waiter = _system->makeWaiter();
        for (int i = 0; i < 100; ++i)
        {
            auto waking = std::async(std::launch::async, [&] { waiter->wake(); });
            CPPUNIT_ASSERT(waiter->waitUntil(i % 2 == 0 ? LocalTime::max() : _system->now() + 1min));
            waking.get();
        }
    }

    void testSignalDoesNotEndAWait()
    {
        struct sigaction action = {}, before = {};
        action.sa_handler = [](int) {}; // without SA_RESTART, so that it interrupts
        ::sigaction(SIGUSR1, &action, &before);
        const auto waiter = _system->makeWaiter();
        std::atomic<bool> ended{false};
        std::thread waiting([&] { ended = waiter->waitUntil(LocalTime::max()); });
        for (int i = 0; i < 20; ++i)
        {
            ::pthread_kill(waiting.native_handle(), SIGUSR1);
            std::this_thread::yield();
        }
        CPPUNIT_ASSERT(!ended);
        waiter->wake();
        waiting.join();
        CPPUNIT_ASSERT(ended);
        ::sigaction(SIGUSR1, &before, nullptr);
    }

    void testWithoutDescriptorsAWaiterIsRefusedAndSaysWhy()
    {
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        const rlimit none{3, before.rlim_max};
        CPPUNIT_ASSERT_EQUAL(0, ::setrlimit(RLIMIT_NOFILE, &none));
        std::exception_ptr refusal; // examined when there are descriptors again, because the sanitizer needs one for its class
        try
        {
            const auto waiter = _system->makeWaiter();
        }
        catch (...)
        {
            refusal = std::current_exception();
        }
        ::setrlimit(RLIMIT_NOFILE, &before);
        CPPUNIT_ASSERT(refusal);
        assertNames(messageOf<LockException>([&] { std::rethrow_exception(refusal); }),
                    {"timerfd_create", "Too many open files", "raise the limit"});
        CPPUNIT_ASSERT(_system->makeWaiter());
    }

    void testCallContextCountsDown()
    {
        ManualClock clock;
        const CallContext context(clock, clock.now() + 1500us);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("rounded down", Milliseconds{1}, context.timeLeft());
        clock.advance(1h);
        CPPUNIT_ASSERT_EQUAL_MESSAGE("never negative", Milliseconds{0}, context.timeLeft());
        CPPUNIT_ASSERT(!context.cancel().stop_possible());
        std::stop_source stop;
        const auto within = CallContext::within(1min, stop.get_token());
        CPPUNIT_ASSERT(within.timeLeft() > 50s && within.timeLeft() <= 1min);
        stop.request_stop();
        CPPUNIT_ASSERT(within.cancel().stop_requested());
        CPPUNIT_ASSERT_MESSAGE("forever does not overflow", CallContext::within(forever).timeLeft() > 24h);
    }

    void testShortenedCallContextEndsEarlierOnly()
    {
        ManualClock clock;
        std::stop_source stop;
        const CallContext whole(clock, clock.now() + 100ms, stop.get_token());
        const auto part = whole.shortened(40ms);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{40}, part.timeLeft());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{100}, whole.shortened(forever).timeLeft());
        clock.advance(30ms);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{10}, part.timeLeft());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{70}, whole.timeLeft());
        stop.request_stop();
        CPPUNIT_ASSERT(part.cancel().stop_requested());
    }

    void testSumsBeyondTheClockAreItsEnds()
    {
        const LocalTime now{1h + 300us};
        CPPUNIT_ASSERT(later(now, 250ms) == now + 250ms);
        CPPUNIT_ASSERT(later(now, -250ms) == now - 250ms);
        CPPUNIT_ASSERT(later(now, 0ms) == now);
        const Milliseconds most = std::chrono::floor<Milliseconds>(LocalTime::max() - now);
        CPPUNIT_ASSERT_MESSAGE("the last that fits", later(now, most) == now + most);
        const Milliseconds years = std::chrono::hours(24 * 366 * 300); // does not fit in nanoseconds
        for (const auto span : {Milliseconds{most + 1ms}, years, forever})
            CPPUNIT_ASSERT_MESSAGE(formatDuration(span), later(now, span) == LocalTime::max());
        for (const auto span : {Milliseconds{-years}, Milliseconds::min()})
            CPPUNIT_ASSERT_MESSAGE(formatDuration(span), later(now, span) == LocalTime::min());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{0}, CallContext::within(Milliseconds::min()).timeLeft());
    }

    void testManualTimePassesOnlyInAdvance()
    {
        ManualClock clock;
        const auto start = clock.now();
        CPPUNIT_ASSERT(clock.now() == start);
        clock.advance(3s);
        clock.advance(1ns);
        CPPUNIT_ASSERT(clock.now() - start == 3s + 1ns);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, clock.waiting());
    }

    void testAdvanceStopsAtEachDeadlineInTheirOrder()
    {
        ManualClock clock;
        const auto start = clock.now();
        std::vector<LocalClock::duration> seen; // only one thread runs at a time
        std::vector<std::thread> threads;
        for (const auto span : {3s, 1s, 2s})
            threads.emplace_back(
                [&, span]
                {
                    const auto waiter = clock.makeWaiter();
                    waiter->waitUntil(start + span);
                    seen.push_back(clock.now() - start);
                });
        CPPUNIT_ASSERT(Leasehold::waitUntil([&] { return clock.waiting() == 3; }));
        clock.advance(1min);
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT((std::vector<LocalClock::duration>{1s, 2s, 3s}) == seen);
        CPPUNIT_ASSERT(clock.now() - start == 1min);
    }

    void testAdvanceReturnsWhenWhoWasWokenWaitsAgain()
    {
        ManualClock clock;
        int rounds = 0; // read after advance only
        std::atomic<bool> stop{false};
        const std::shared_ptr<TimeSource::Waiter> waiter = clock.makeWaiter();
        std::thread periodic(
            [&]
            {
                while (!waiter->waitUntil(clock.now() + 10ms) && !stop)
                    ++rounds;
            });
        CPPUNIT_ASSERT(Leasehold::waitUntil([&] { return clock.waiting() == 1; }));
        for (int i = 1; i <= 50; ++i)
        {
            clock.advance(100ms);
            CPPUNIT_ASSERT_EQUAL(i * 10, rounds);
        }
        stop = true;
        waiter->wake();
        periodic.join();
    }

    void testAdvanceWaitsForThoseWhomOneOfTheThreadsWokeInTurn()
    {
        ManualClock clock;
        const auto start = clock.now();
        const std::shared_ptr<TimeSource::Waiter> first = clock.makeWaiter(), second = clock.makeWaiter(), rest = clock.makeWaiter();
        int done = 0; // read after advance only
        std::thread one(
            [&]
            {
                first->waitUntil(start + 1s);
                second->wake();
                first->waitUntil(LocalTime::max());
            });
        std::thread two(
            [&]
            {
                second->waitUntil(LocalTime::max());
                ++done;
                second->waitUntil(LocalTime::max());
            });
        CPPUNIT_ASSERT(Leasehold::waitUntil([&] { return clock.waiting() == 2; }));
        clock.advance(1s);
        CPPUNIT_ASSERT_EQUAL(1, done);
        first->wake();
        second->wake();
        one.join();
        two.join();
    }

    void testSettleLetsNoTimePass()
    {
        ManualClock clock;
        const auto start = clock.now();
        const std::shared_ptr<TimeSource::Waiter> waiter = clock.makeWaiter();
        int woken = 0; // read after settle only
        std::thread thread(
            [&]
            {
                while (woken < 3 && waiter->waitUntil(LocalTime::max()))
                    ++woken;
            });
        CPPUNIT_ASSERT(Leasehold::waitUntil([&] { return clock.waiting() == 1; }));
        waiter->wake();
        clock.settle();
        CPPUNIT_ASSERT_EQUAL(1, woken);
        waiter->wake();
        clock.settle();
        CPPUNIT_ASSERT_EQUAL(2, woken);
        CPPUNIT_ASSERT(clock.now() == start);
        waiter->wake();
        thread.join();
    }

    void testManualWaiterMayEndBeforeItsClockOrAfterIt()
    {
        std::unique_ptr<TimeSource::Waiter> late;
        {
            ManualClock clock;
            const auto early = clock.makeWaiter();
            late = clock.makeWaiter();
            clock.advance(1s);
        }
        late->wake();
        CPPUNIT_ASSERT(late->waitUntil(LocalTime::max()));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ClockTest);
