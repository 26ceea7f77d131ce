#include "CallQueue.h"

#include "Leasehold/waitUntil.h"
#include "Patience.h"
#include "WatchedClock.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <deque>
#include <thread>

namespace Leasehold
{
using namespace std::chrono_literals;

class CallQueueTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(CallQueueTest);
    CPPUNIT_TEST(testACallAloneLeadsAndLeavesNothingBehind);
    CPPUNIT_TEST(testALeaderTakesAlongWhoeverQueuedBehindIt);
    CPPUNIT_TEST(testATurnGathersNoMoreRowsThanItMayAndKeepsTheOrder);
    CPPUNIT_TEST(testCallsThatWereNotAnsweredQueueAgainInFront);
    CPPUNIT_TEST(testACallThatDoesNotFitIsPassedOverOnlyOnce);
    CPPUNIT_TEST(testAFailureReachesTheCallThatItIsForWithItsType);
    CPPUNIT_TEST(testACallLeavesTheQueueWhenItsTimeIsUp);
    CPPUNIT_TEST(testACancelledCallLeavesTheQueue);
    CPPUNIT_TEST(testACallThatRunsIsNotLeftAloneByItsThread);
    CPPUNIT_TEST(testOneTurnAtATimeAndAllComeToTheirTurn);
    CPPUNIT_TEST_SUITE_END();

    using Call = CallQueue::Call;
    using Turn = CallQueue::Turn;

    static CallQueue::Commit nothing(LockTable&, const HostNow&) { return CallQueue::Commit::quick; }

    /// A call that a thread of its own brings into the queue.
    class Caller
    {
    public:
        explicit Caller(CallQueue& queue, std::size_t rows = 1) : _call{_step, _patience, rows}, _thread([this, &queue] { run(queue); }) {}

        ~Caller() { cancel.request_stop(); } // or a test that fails would hang

        void waitUntilQueued() const { CPPUNIT_ASSERT(_clock->waitUntilQueued()); }
        void join() { _thread.join(); }
        const Call* call() const { return &_call; }

        std::atomic<bool> led{false};
        std::string failure; // after join
        std::stop_source cancel;
        const std::shared_ptr<WatchedClock>& clock() const { return _clock; }

    private:
        void run(CallQueue& queue)
        {
            try
            {
                led = queue.enter(_call, "/locks.db").has_value();
            }
            catch (const LockException& error)
            {
                failure = std::string(error.name()) + ": " + error.what();
            }
        }

        const std::shared_ptr<WatchedClock> _clock = std::make_shared<WatchedClock>();
        const CallContext _context{*_clock, _clock->ManualClock::now() + 10s, cancel.get_token()};
        const Patience _patience{_context};
        const CallQueue::Step _step{&nothing};
        Call _call;
        std::jthread _thread;
    };

    /// The call of the test's own thread.
    struct Own
    {
        const std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
        const CallContext context{*clock, clock->now() + 10s};
        const Patience patience{context};
        const CallQueue::Step step{&nothing};
        Call call{step, patience};
    };

    CallQueue _queue;
    Own _own;

    Turn lead()
    {
        auto turn = _queue.enter(_own.call, "/locks.db");
        CPPUNIT_ASSERT(turn.has_value());
        return std::move(*turn);
    }

public:
    void testACallAloneLeadsAndLeavesNothingBehind()
    {
        for (int i = 0; i < 2; ++i)
        {
            auto turn = lead();
            turn.gather(1000);
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, turn.calls().size());
            CPPUNIT_ASSERT(turn.calls().front() == &_own.call);
        }
    }

    void testALeaderTakesAlongWhoeverQueuedBehindIt()
    {
        std::optional<Turn> turn(lead());
        Caller first(_queue), second(_queue);
        first.waitUntilQueued();
        second.waitUntilQueued();
        turn->gather(1000);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, turn->calls().size());
        for (auto* call : std::vector<Call*>(turn->calls().begin() + 1, turn->calls().end()))
            turn->answer(*call);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, turn->calls().size());
        first.join();
        second.join();
        CPPUNIT_ASSERT(!first.led && !second.led);
        CPPUNIT_ASSERT_EQUAL(std::string(), first.failure + second.failure);
        turn.reset();
        lead(); // nobody leads any more
    }

    void testATurnGathersNoMoreRowsThanItMayAndKeepsTheOrder()
    {
        std::optional<Turn> turn(lead());
        std::deque<Caller> callers;
        for (const std::size_t rows : {400U, 500U, 100U, 1U})
            callers.emplace_back(_queue, rows).waitUntilQueued();
        turn->gather(1000); // with the one of the leader: 901, and the third would make it 1001
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, turn->calls().size());
        CPPUNIT_ASSERT(turn->calls()[1] == callers[0].call());
        CPPUNIT_ASSERT(turn->calls()[2] == callers[1].call());
        turn.reset();
        for (auto& caller : callers)
            caller.join();
        for (auto& caller : callers)
            CPPUNIT_ASSERT(caller.led);
    }

    void testCallsThatWereNotAnsweredQueueAgainInFront()
    {
        std::optional<Turn> turn(lead());
        Caller first(_queue);
        first.waitUntilQueued();
        Caller second(_queue, 1000);
        second.waitUntilQueued();
        turn->gather(2);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, turn->calls().size());
        turn.reset(); // as after a failure of the leader
        first.join();
        second.join();
        CPPUNIT_ASSERT(first.led);
        CPPUNIT_ASSERT(second.led);
    }

    /// Guards against a thread that comes again and again and keeps a call that changes many rows waiting.
    void testACallThatDoesNotFitIsPassedOverOnlyOnce()
    {
        std::optional<Turn> turn(lead());
        Caller large(_queue, 1000);
        large.waitUntilQueued();
        turn.reset();
        for (int again = 0; again < 2; ++again)
        {
            Own own;
            auto next = _queue.enter(own.call, "/locks.db"); // before the large one, if its thread has not run yet
            CPPUNIT_ASSERT(next.has_value());
            next->gather(1000);
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, next->calls().size());
        }
        CPPUNIT_ASSERT(large.led);
    }

    void testAFailureReachesTheCallThatItIsForWithItsType()
    {
        auto turn = lead();
        std::deque<Caller> callers;
        for (int i = 0; i < 3; ++i)
            callers.emplace_back(_queue).waitUntilQueued();
        turn.gather(1000);
        const auto calls = turn.calls();
        const LockStoreError wrong("the row is wrong");
        const LockStoreUnavailable full("the disk is full");
        turn.answer(*calls[1], &wrong);
        turn.answer(*calls[2], &full);
        turn.answer(*calls[3]);
        for (auto& caller : callers)
            caller.join();
        assertNames(callers[0].failure, {wrong.name(), "the row is wrong"});
        assertNames(callers[1].failure, {full.name(), "the disk is full"});
        CPPUNIT_ASSERT_EQUAL(std::string(), callers[2].failure);
    }

    void testACallLeavesTheQueueWhenItsTimeIsUp()
    {
        auto turn = lead();
        Caller late(_queue);
        late.waitUntilQueued();
        late.clock()->advance(10s);
        late.join();
        assertNames(late.failure, {LockStoreUnavailable("").name(), "/locks.db", "deadline", "nothing was done"});
        turn.gather(1000);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, turn.calls().size());
    }

    void testACancelledCallLeavesTheQueue()
    {
        auto turn = lead();
        Caller cancelled(_queue);
        cancelled.waitUntilQueued();
        cancelled.cancel.request_stop();
        cancelled.join();
        assertNames(cancelled.failure, {LockStoreUnavailable("").name(), "cancelled", "nothing was done"});
        turn.gather(1000);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, turn.calls().size());
    }

    /// What the leader works with lies on the other thread's stack.
    void testACallThatRunsIsNotLeftAloneByItsThread()
    {
        auto turn = lead();
        Caller caller(_queue);
        caller.waitUntilQueued();
        turn.gather(1000);
        caller.clock()->advance(10s);
        caller.cancel.request_stop();
        auto* const call = turn.calls().back();
        CPPUNIT_ASSERT(call == caller.call());
        turn.answer(*call);
        caller.join();
        CPPUNIT_ASSERT_EQUAL(std::string(), caller.failure); // what was done is not reported as not done
    }

    void testOneTurnAtATimeAndAllComeToTheirTurn()
    {
        constexpr int threads = 8, rounds = 300;
        int served = 0; // guarded by the turns alone, so that TSan sees a hole in them
        {
            std::vector<std::jthread> callers;
            for (int i = 0; i < threads; ++i)
                callers.emplace_back(
                    [&]
                    {
                        Own own;
                        for (int round = 0; round < rounds; ++round)
                        {
                            Call call{own.step, own.patience};
                            auto turn = _queue.enter(call, "/locks.db");
                            if (!turn)
                                continue; // counted by the thread that led
                            turn->gather(3);
                            served += static_cast<int>(turn->calls().size());
                            for (auto* other : std::vector<Call*>(turn->calls().begin() + 1, turn->calls().end()))
                                turn->answer(*other);
                        }
                    });
        }
        CPPUNIT_ASSERT_EQUAL(threads * rounds, served);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CallQueueTest);

} // namespace Leasehold
