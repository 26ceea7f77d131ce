#include "GatedBatchStore.h"
#include "Leasehold/Exceptions.h"

#include "Leasehold/ManualClock.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <deque>
#include <future>
#include <thread>

namespace Leasehold
{

using namespace std::chrono_literals;

/// Group commit in virtual time, on a storage whose requests hang until the test answers them, so that the test sets the order.
class BatchedLockStoreTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(BatchedLockStoreTest);
    CPPUNIT_TEST(testLoneCallIsSentAtOnceByItself);
    CPPUNIT_TEST(testWaitingCallsShareTheNextRequest);
    CPPUNIT_TEST(testEachCallGetsItsOwnOutcomesInOrder);
    CPPUNIT_TEST(testRequestsUnderWayAreLimited);
    CPPUNIT_TEST(testStepsInARequestAreLimited);
    CPPUNIT_TEST(testBytesInARequestAreLimited);
    CPPUNIT_TEST(testStepLargerThanARequestTravelsAlone);
    CPPUNIT_TEST(testRenewalsBeyondTheLimitsAreSplit);
    CPPUNIT_TEST(testRenewalsAfterAnsweredOnesFailInTheirReplies);
    CPPUNIT_TEST(testNamesInARequestAreDistinctIfAsked);
    CPPUNIT_TEST(testRenewalsOfOneNameTwiceAreSplitIfAsked);
    CPPUNIT_TEST(testStepsOfDifferentLanesTravelApart);
    CPPUNIT_TEST(testCallsJoinUntilTheStepsAreTaken);
    CPPUNIT_TEST(testLargeCallIsNotOvertaken);
    CPPUNIT_TEST(testCallWithTheLatestDeadlineLeads);
    CPPUNIT_TEST(testTravellingCallLeavesAtItsDeadline);
    CPPUNIT_TEST(testTravellingCallStaysIfRequestsEndSoon);
    CPPUNIT_TEST(testCallThatLeavesBeforeItsTurnIsNeverSent);
    CPPUNIT_TEST(testCancelledCallLeavesWhileItWaits);
    CPPUNIT_TEST(testCancelledCallLeavesWhileItTravels);
    CPPUNIT_TEST(testCompanionsOfCancelledLeaderAreSentAgain);
    CPPUNIT_TEST(testCompanionsOfLeaderThatSentNothingAreSentOnce);
    CPPUNIT_TEST(testCompanionThatHasLeftIsNotSentAgain);
    CPPUNIT_TEST(testLeaderThatFailsBeforeItTakesStepsFailsAlone);
    CPPUNIT_TEST(testCancelledLoneCallFails);
    CPPUNIT_TEST(testReleaseSentAgainByItsLeaderIsNotConclusive);
    CPPUNIT_TEST(testReleaseSentAgainByTheStoreIsNotConclusive);
    CPPUNIT_TEST(testFailedRequestFailsEachOfItsCallsWithItsType);
    CPPUNIT_TEST(testFailedStepFailsItsCallAlone);
    CPPUNIT_TEST(testRefusedContentIsSentOneByOne);
    CPPUNIT_TEST(testHangingRequestHoldsNobodyUpForLong);
    CPPUNIT_TEST(testDeliveredCallReturnsBeforeTheRequestEnds);
    CPPUNIT_TEST(testStepWithoutOutcomeIsAnError);
    CPPUNIT_TEST(testGrantAfterTheDeadlineIsUnavailable);
    CPPUNIT_TEST(testTurnWaitsForItsPlaceAndIsNotOvertaken);
    CPPUNIT_TEST(testTurnThatThrowsGivesItsPlaceBack);
    CPPUNIT_TEST(testTurnEndsAtItsDeadline);
    CPPUNIT_TEST(testRequestsAndTurnsExcludeEachOther);
    CPPUNIT_TEST(testManyThreadsGetTheirOwnReplies);
    CPPUNIT_TEST_SUITE_END();

    using Names = std::vector<std::string>;
    using Ending = std::string; // "granted", "held", "renewed", ... or the failure's type and message
    using Pending = std::future<Ending>;

    static constexpr BatchLimits one{.requests = 1, .hangsAfter = forever};

    ManualClock clock;
    std::unique_ptr<GatedBatchStore> store;
    std::deque<Pending> calls;

    void make(const BatchLimits& limits)
    {
        endCalls();
        store = std::make_unique<GatedBatchStore>(limits);
    }

    // A store must outlive its calls, also those whose end the test does not await.
    void endCalls()
    {
        if (store)
            store->answerAll();
        calls.clear();
    }

    CallContext within(Milliseconds time, std::stop_token cancel = {}) const { return {clock, clock.now() + time, std::move(cancel)}; }
    CallContext patient() const { return within(60s); }

    template <typename Work>
    static Ending endingOf(const Work& work)
    {
        try
        {
            return work();
        }
        catch (const LockStoreUnavailable& problem)
        {
            return "unavailable: " + problem.message();
        }
        catch (const LockStoreError& problem)
        {
            return "error: " + problem.message();
        }
    }

    Ending acquireNow(const std::string& name, const CallContext& context)
    {
        return endingOf(
            [&]
            {
                const auto reply = store->acquire({.name = name, .token = "t", .ttl = 30s}, context);
                CPPUNIT_ASSERT_EQUAL(name, reply.record.name);
                return Ending(reply.status == AcquireStatus::granted ? "granted" : "held");
            });
    }

    /// The names of the renewed locks, in the order of the replies.
    Ending renewNow(const Names& names, const CallContext& context)
    {
        return endingOf(
            [&]
            {
                std::vector<RenewRequest> requests;
                for (const auto& name : names)
                    requests.push_back({{name, "t", 1}, 30s});
                Ending all;
                for (const auto& reply : store->renew(requests, context))
                    all += reply.status == RenewStatus::renewed ? reply.reason : reply.status == RenewStatus::unavailable ? "?" : "!";
                return all;
            });
    }

    Ending releaseNow(const std::string& name, const CallContext& context)
    {
        return endingOf(
            [&] {
                return Ending(store->release({name, "t", 1}, context).status == ReleaseStatus::released ? "released" : "notHeld");
            });
    }

    Pending& start(std::function<Ending()> work) { return calls.emplace_back(std::async(std::launch::async, std::move(work))); }
    Pending& acquire(const std::string& name) { return acquire(name, patient()); }
    Pending& acquire(const std::string& name, const CallContext& context)
    {
        return start([this, name, context] { return acquireNow(name, context); });
    }
    Pending& renew(const Names& names)
    {
        return start([this, names, context = patient()] { return renewNow(names, context); });
    }
    Pending& release(const std::string& name, const CallContext& context)
    {
        return start([this, name, context] { return releaseNow(name, context); });
    }

    /// Starts a call when `count - 1` others wait, and returns when it waits too.
    void awaitWaiting(std::size_t count)
    {
        const bool all = waitUntil([&] { return store->waiting() == count; }, 20s);
        CPPUNIT_ASSERT_MESSAGE("not all calls wait", all);
    }

    /// One request, the maximum, is under way, and these calls wait in this order.
    std::vector<Pending*> waitBehindARequest(const Names& names)
    {
        acquire("first");
        store->awaitRequests(1);
        std::vector<Pending*> pending;
        for (const auto& name : names)
        {
            pending.push_back(&acquire(name));
            awaitWaiting(pending.size());
        }
        return pending;
    }

    static void assertEnds(const std::string& expected, Pending& call) { CPPUNIT_ASSERT_EQUAL(expected, call.get()); }

    static void assertContains(const Names& parts, const std::string& text)
    {
        for (const auto& part : parts)
            CPPUNIT_ASSERT_MESSAGE("\"" + part + "\" is not in \"" + text + "\"", text.find(part) != std::string::npos);
    }

    void assertRequest(std::size_t index, const Names& names)
    {
        std::string expected, actual;
        for (const auto& name : names)
            expected += name + " ";
        for (const auto& name : store->request(index))
            actual += name + " ";
        CPPUNIT_ASSERT_EQUAL(expected, actual);
    }

    void assertTurnIsNotOvertaken(const BatchLimits& limits)
    {
        make(limits);
        waitBehindARequest({});
        std::promise<void> begun, mayEnd;
        auto& turn = start(
            [&, context = patient()]
            {
                store->takeTurn(context,
                                [&]
                                {
                                    begun.set_value();
                                    mayEnd.get_future().wait();
                                });
                return Ending("done");
            });
        awaitWaiting(1);
        auto& behind = acquire("behind");
        awaitWaiting(2);
        store->answer(0);
        begun.get_future().wait();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->count());
        mayEnd.set_value();
        assertEnds("done", turn);
        store->awaitRequests(2);
        store->answer(1);
        assertEnds("granted", behind);
    }

public:
    void tearDown() override { endCalls(); }

    void testLoneCallIsSentAtOnceByItself()
    {
        make(one);
        store->answerAll();
        for (const std::string name : {"a", "b", "a"})
            CPPUNIT_ASSERT_EQUAL(Ending("granted"), acquireNow(name, patient()));
        CPPUNIT_ASSERT_EQUAL(Ending("ab"), renewNow({"a", "b"}, patient()));
        CPPUNIT_ASSERT_EQUAL(Ending("released"), releaseNow("a", patient()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, store->count());
        CPPUNIT_ASSERT_EQUAL(std::string(), renewNow({}, patient()));
    }

    void testWaitingCallsShareTheNextRequest()
    {
        make(one);
        const auto others = waitBehindARequest({"a", "b", "c"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->count());
        store->answer(0);
        store->awaitRequests(2);
        assertRequest(1, {"a", "b", "c"});
        store->answer(1);
        for (auto* const other : others)
            assertEnds("granted", *other);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, store->count());
    }

    void testEachCallGetsItsOwnOutcomesInOrder()
    {
        make(one);
        waitBehindARequest({});
        std::vector<Pending*> others;
        for (const auto& names : {Names{"x", "y"}, Names{"x"}, Names{"z", "x", "z"}})
        {
            others.push_back(&renew(names));
            awaitWaiting(others.size());
        }
        store->answerAll();
        assertEnds("xy", *others[0]);
        assertEnds("x", *others[1]);
        assertEnds("zxz", *others[2]);
        assertRequest(1, {"x", "y", "x", "z", "x", "z"});
    }

    void testRequestsUnderWayAreLimited()
    {
        make({.requests = 2, .hangsAfter = forever});
        acquire("first");
        store->awaitRequests(1);
        acquire("second");
        store->awaitRequests(2);
        acquire("a");
        awaitWaiting(1);
        acquire("b");
        awaitWaiting(2);
        store->answer(1);
        store->awaitRequests(3);
        assertRequest(2, {"a", "b"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, store->maxUnderWay());
    }

    void testStepsInARequestAreLimited()
    {
        make({.requests = 1, .steps = 3, .hangsAfter = forever});
        waitBehindARequest({"a"});
        renew({"b", "c"});
        awaitWaiting(2);
        acquire("d");
        awaitWaiting(3);
        renew({"e", "f", "g"});
        awaitWaiting(4);
        store->answerAll();
        for (auto& call : calls)
            call.get();
        assertRequest(1, {"a", "b", "c"});
        assertRequest(2, {"d"});
        assertRequest(3, {"e", "f", "g"});
    }

    void testBytesInARequestAreLimited()
    {
        make({.requests = 1, .bytes = 2 * GatedBatchStore::bytesPerStep, .hangsAfter = forever});
        waitBehindARequest({"a", "b", "c"});
        store->answerAll();
        for (auto& call : calls)
            call.get();
        assertRequest(1, {"a", "b"});
        assertRequest(2, {"c"});
    }

    void testStepLargerThanARequestTravelsAlone()
    {
        make({.requests = 1, .bytes = 1, .hangsAfter = forever});
        const auto others = waitBehindARequest({"large", "d"});
        store->answerAll();
        assertEnds("granted", *others[0]);
        assertEnds("granted", *others[1]);
        assertRequest(1, {"large"});
    }

    void testRenewalsBeyondTheLimitsAreSplit()
    {
        make({.requests = 1, .steps = 2, .hangsAfter = forever});
        store->answerAll();
        CPPUNIT_ASSERT_EQUAL(Ending("abcde"), renewNow({"a", "b", "c", "d", "e"}, patient()));
        assertRequest(0, {"a", "b"});
        assertRequest(2, {"e"});
        make({.requests = 1, .bytes = 2 * GatedBatchStore::bytesPerStep, .hangsAfter = forever});
        store->answerAll();
        CPPUNIT_ASSERT_EQUAL(Ending("abc"), renewNow({"a", "b", "c"}, patient()));
        assertRequest(1, {"c"});
    }

    void testRenewalsAfterAnsweredOnesFailInTheirReplies()
    {
        make({.requests = 1, .steps = 1, .hangsAfter = forever});
        auto& call = renew({"a", "b", "c", "d"});
        store->awaitRequests(1);
        store->answer(0);
        store->awaitRequests(2);
        store->fail(1);
        store->awaitRequests(3);
        store->fail(2, {.permanent = true});
        store->awaitRequests(4);
        store->answer(3);
        assertEnds("a?!d", call);
        auto& all = renew({"a"});
        store->awaitRequests(5);
        store->fail(4);
        assertContains({"unavailable: ", "cannot renew 1 locks", "no answer"}, all.get());
    }

    void testNamesInARequestAreDistinctIfAsked()
    {
        make({.requests = 1, .distinctNames = true, .hangsAfter = forever});
        waitBehindARequest({"a", "b", "a", "c", "a"});
        store->answerAll();
        for (auto& call : calls)
            assertEnds("granted", call);
        assertRequest(1, {"a", "b", "c"});
        assertRequest(2, {"a"});
        assertRequest(3, {"a"});
    }

    void testRenewalsOfOneNameTwiceAreSplitIfAsked()
    {
        make({.requests = 1, .distinctNames = true, .hangsAfter = forever});
        store->answerAll();
        CPPUNIT_ASSERT_EQUAL(Ending("abac"), renewNow({"a", "b", "a", "c"}, patient()));
        assertRequest(0, {"a", "b"});
        assertRequest(1, {"a", "c"});
    }

    void testStepsOfDifferentLanesTravelApart()
    {
        make(one);
        waitBehindARequest({"lane1/a", "b", "lane1/c", "d"});
        store->answerAll();
        for (auto& call : calls)
            assertEnds("granted", call);
        assertRequest(1, {"lane1/a", "lane1/c"});
        assertRequest(2, {"b", "d"});
    }

    void testCallsJoinUntilTheStepsAreTaken()
    {
        make(one);
        store->holdBeforeSteps();
        auto& first = acquire("first");
        store->awaitHeld(1);
        auto& hasty = acquire("hasty", within(1s));
        awaitWaiting(1);
        auto& joins = acquire("joins");
        awaitWaiting(2);
        clock.advance(1s);
        assertContains({"unavailable: cannot acquire lock \"hasty\": ", "deadline", "nothing was sent"}, hasty.get());
        store->letTakeSteps();
        store->awaitRequests(1);
        assertRequest(0, {"first", "joins"});
        store->answer(0);
        assertEnds("granted", first);
        assertEnds("granted", joins);
    }

    /// Guards against repeated small calls that keep a call with many steps waiting.
    void testLargeCallIsNotOvertaken()
    {
        make({.requests = 1, .steps = 3, .hangsAfter = forever, .requestsEndSoon = true});
        waitBehindARequest({});
        auto& large = renew({"x", "y", "z"});
        awaitWaiting(1);
        acquire("a");
        awaitWaiting(2);
        acquire("b");
        awaitWaiting(3);
        store->answer(0);
        store->awaitRequests(2);
        assertRequest(1, {"x", "y", "z"});
        store->answerAll();
        assertEnds("xyz", large);
        for (auto& call : calls)
            if (call.valid())
                assertEnds("granted", call);
    }

    void testCallWithTheLatestDeadlineLeads()
    {
        make(one);
        waitBehindARequest({"a"});
        acquire("b", within(90s));
        awaitWaiting(2);
        acquire("c", within(70s));
        awaitWaiting(3);
        store->answer(0);
        store->awaitRequests(2);
        CPPUNIT_ASSERT(store->timeLeftOf(1) == Milliseconds(90s));
    }

    void testTravellingCallLeavesAtItsDeadline()
    {
        make(one);
        const auto others = waitBehindARequest({"stays"});
        auto& hasty = acquire("leaves", within(1s));
        awaitWaiting(2);
        store->answer(0);
        store->awaitRequests(2);
        assertRequest(1, {"stays", "leaves"});
        clock.advance(1s);
        assertContains({"unavailable: cannot acquire lock \"leaves\": gated store: ", "deadline", "whether it took effect is unknown"},
                       hasty.get());
        store->answer(1);
        assertEnds("granted", *others[0]);
    }

    void testTravellingCallStaysIfRequestsEndSoon()
    {
        make({.requests = 1, .hangsAfter = forever, .requestsEndSoon = true});
        waitBehindARequest({"a"});
        std::stop_source source;
        auto& hasty = acquire("stays", within(1s, source.get_token()));
        awaitWaiting(2);
        store->answer(0);
        store->awaitRequests(2);
        clock.advance(1s);
        source.request_stop();
        store->answer(1);
        assertEnds("granted", hasty); // a carried-out step must not be reported as failed
    }

    void testCallThatLeavesBeforeItsTurnIsNeverSent()
    {
        make(one);
        waitBehindARequest({});
        auto& leaves = acquire("leaves", within(50ms));
        awaitWaiting(1);
        clock.advance(50ms);
        assertContains({"unavailable: ", "deadline", "waited for other calls", "nothing was sent"}, leaves.get());
        assertContains({"unavailable: ", "deadline", "nothing was sent"}, acquireNow("is late", within(0ms)));
        store->answerAll();
        CPPUNIT_ASSERT_EQUAL(Ending("granted"), acquireNow("next", patient()));
        assertRequest(1, {"next"});
    }

    void testCancelledCallLeavesWhileItWaits()
    {
        make(one);
        waitBehindARequest({});
        std::stop_source source;
        auto& cancelled = acquire("cancelled", within(60s, source.get_token()));
        awaitWaiting(1);
        source.request_stop();
        assertContains({"unavailable: ", "cancelled", "nothing was sent"}, cancelled.get());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->waiting());
    }

    void testCancelledCallLeavesWhileItTravels()
    {
        make(one);
        waitBehindARequest({});
        std::stop_source source;
        auto& cancelled = acquire("cancelled", within(60s, source.get_token()));
        awaitWaiting(1);
        auto& leader = acquire("leader", within(70s));
        awaitWaiting(2);
        store->answer(0);
        store->awaitRequests(2);
        source.request_stop();
        assertContains({"unavailable: ", "cancelled", "unknown"}, cancelled.get());
        store->answer(1);
        assertEnds("granted", leader);
    }

    void testCompanionsOfCancelledLeaderAreSentAgain()
    {
        make(one);
        const auto others = waitBehindARequest({"a", "b"});
        std::stop_source source;
        auto& leader = acquire("leader", within(70s, source.get_token()));
        awaitWaiting(3);
        store->answer(0);
        store->awaitRequests(2);
        auto& later = acquire("later");
        awaitWaiting(1);
        source.request_stop();
        assertContains({"unavailable: ", "no answer"}, leader.get());
        store->awaitRequests(3);
        assertRequest(2, {"a", "b", "later"});
        CPPUNIT_ASSERT(store->sentAgain(2) == (Names{"a", "b"}));
        store->answer(2);
        assertEnds("granted", *others[0]);
        assertEnds("granted", *others[1]);
        assertEnds("granted", later);
    }

    void testCompanionsOfLeaderThatSentNothingAreSentOnce()
    {
        make(one);
        const auto others = waitBehindARequest({"a"});
        std::stop_source source;
        auto& leader = acquire("leader", within(70s, source.get_token()));
        awaitWaiting(2);
        store->sendNothing();
        store->answer(0);
        store->awaitRequests(2);
        source.request_stop();
        leader.get();
        store->awaitRequests(3);
        CPPUNIT_ASSERT(store->sentAgain(2).empty());
        store->answer(2);
        assertEnds("granted", *others[0]);
    }

    void testCompanionThatHasLeftIsNotSentAgain()
    {
        make(one);
        waitBehindARequest({});
        auto& leaves = acquire("leaves", within(1s));
        awaitWaiting(1);
        std::stop_source source;
        acquire("leader", within(70s, source.get_token()));
        awaitWaiting(2);
        store->answer(0);
        store->awaitRequests(2);
        assertRequest(1, {"leaves", "leader"});
        clock.advance(1s);
        leaves.get();
        auto& next = acquire("next");
        awaitWaiting(1);
        source.request_stop();
        store->awaitRequests(3);
        assertRequest(2, {"next"});
        store->answer(2);
        assertEnds("granted", next);
    }

    void testLeaderThatFailsBeforeItTakesStepsFailsAlone()
    {
        make(one);
        store->holdBeforeSteps();
        std::stop_source source;
        auto& leader = acquire("leader", within(60s, source.get_token()));
        store->awaitHeld(1);
        auto& other = acquire("other");
        awaitWaiting(1);
        source.request_stop();
        assertContains({"unavailable: ", "could not begin"}, leader.get());
        store->letTakeSteps();
        store->awaitRequests(1);
        assertRequest(0, {"other"});
        CPPUNIT_ASSERT(store->sentAgain(0).empty());
        store->answer(0);
        assertEnds("granted", other);
    }

    void testCancelledLoneCallFails()
    {
        make(one);
        std::stop_source source;
        auto& lone = acquire("lone", within(60s, source.get_token()));
        store->awaitRequests(1);
        source.request_stop();
        assertContains({"unavailable: ", "no answer"}, lone.get());
        auto& next = acquire("next");
        store->awaitRequests(2);
        store->answer(1);
        assertEnds("granted", next);
    }

    void testReleaseSentAgainByItsLeaderIsNotConclusive()
    {
        make(one);
        waitBehindARequest({});
        auto& lost = release("not held", patient());
        awaitWaiting(1);
        auto& kept = release("a", patient());
        awaitWaiting(2);
        std::stop_source source;
        acquire("leader", within(70s, source.get_token()));
        awaitWaiting(3);
        store->answer(0);
        store->awaitRequests(2);
        source.request_stop();
        store->awaitRequests(3);
        store->answer(2);
        assertContains({"unavailable: cannot release lock \"not held\"", "sent again", "unknown"}, lost.get());
        assertEnds("released", kept);
        store->answerAll();
        CPPUNIT_ASSERT_EQUAL(Ending("notHeld"), releaseNow("not held", patient()));
    }

    void testReleaseSentAgainByTheStoreIsNotConclusive()
    {
        make(one);
        store->answerAll();
        store->repeatEach();
        assertContains({"unavailable: ", "sent again"}, releaseNow("not held", patient()));
        CPPUNIT_ASSERT_EQUAL(Ending("released"), releaseNow("a", patient()));
    }

    void testFailedRequestFailsEachOfItsCallsWithItsType()
    {
        make(one);
        auto others = waitBehindARequest({"a", "b"});
        store->answer(0);
        store->awaitRequests(2);
        store->fail(1);
        assertContains({"unavailable: cannot acquire lock \"a\": ", "no answer"}, others[0]->get());
        assertContains({"unavailable: cannot acquire lock \"b\": ", "no answer"}, others[1]->get());
        auto& lone = acquire("c");
        store->awaitRequests(3);
        store->fail(2, {.permanent = true});
        assertContains({"error: cannot acquire lock \"c\": ", "no answer"}, lone.get());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, store->count());
        assertContains({"unavailable: cannot acquire lock \"crash\": gated store: ", "out of memory"}, acquireNow("crash", patient()));
    }

    void testFailedStepFailsItsCallAlone()
    {
        make(one);
        auto others = waitBehindARequest({"a", "bad", "busy"});
        auto& renewal = renew({"bad", "c", "busy"});
        awaitWaiting(4);
        store->answer(0);
        store->awaitRequests(2);
        store->answer(1);
        assertEnds("granted", *others[0]);
        CPPUNIT_ASSERT_EQUAL(Ending("error: cannot acquire lock \"bad\": the row is wrong"), others[1]->get());
        CPPUNIT_ASSERT_EQUAL(Ending("unavailable: cannot acquire lock \"busy\": the row is locked"), others[2]->get());
        assertEnds("!c?", renewal);
    }

    void testRefusedContentIsSentOneByOne()
    {
        make(one);
        const auto others = waitBehindARequest({"a", "poison"});
        auto& renewal = renew({"b", "c"});
        awaitWaiting(3);
        store->answer(0);
        store->awaitRequests(2);
        store->fail(1, {.permanent = true, .refused = true});
        store->awaitRequests(5);
        for (std::size_t index = 2; index < 5; ++index)
        {
            if (store->request(index) == Names{"poison"})
                store->fail(index, {.permanent = true, .refused = true});
            else
                store->answer(index);
        }
        assertEnds("granted", *others[0]);
        assertEnds("bc", renewal);
        assertContains({"error: cannot acquire lock \"poison\""}, others[1]->get());
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, store->count());
    }

    void testHangingRequestHoldsNobodyUpForLong()
    {
        make({.requests = 1, .hangsAfter = 250ms});
        auto& hangs = acquire("hangs", within(1000h));
        store->awaitRequests(1);
        auto& other = acquire("a", within(1000h));
        awaitWaiting(1);
        // The call's thread may read the clock for the first time only now, so advance the clock until it has waited long enough.
        CPPUNIT_ASSERT(waitUntil(
            [&]
            {
                clock.advance(250ms);
                return store->count() == 2;
            },
            20s));
        store->answer(1);
        assertEnds("granted", other);
        store->answer(0);
        assertEnds("granted", hangs);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, store->maxUnderWay());
    }

    void testDeliveredCallReturnsBeforeTheRequestEnds()
    {
        make(one);
        store->deliverEarly();
        const auto others = waitBehindARequest({"early", "late"});
        auto& leader = acquire("early leader", within(70s));
        awaitWaiting(3);
        store->answer(0);
        store->awaitRequests(2);
        assertEnds("granted", *others[0]);
        store->fail(1);
        assertEnds("granted", leader); // its step was delivered too
        assertContains({"unavailable: ", "no answer"}, others[1]->get());
    }

    void testStepWithoutOutcomeIsAnError()
    {
        make(one);
        store->answerAll();
        assertContains({"error: cannot acquire lock \"forgotten\": gated store: the store gave no outcome"},
                       acquireNow("forgotten", patient()));
        assertContains({"error: cannot acquire lock \"mistaken\": the store gave the outcome of another verb"},
                       acquireNow("mistaken", patient()));
    }

    void testGrantAfterTheDeadlineIsUnavailable()
    {
        make(one);
        auto& call = acquire("late", within(1s));
        store->awaitRequests(1);
        store->answerAfter(0, [this] { clock.advance(2s); });
        assertContains({"unavailable: cannot acquire lock \"late\"", "after the call's deadline"}, call.get());
    }

    void testTurnWaitsForItsPlaceAndIsNotOvertaken()
    {
        assertTurnIsNotOvertaken({.requests = 1, .hangsAfter = forever, .requestsEndSoon = true});
        assertTurnIsNotOvertaken({.requests = 1, .hangsAfter = forever});
    }

    void testTurnThatThrowsGivesItsPlaceBack()
    {
        make(one);
        store->answerAll();
        CPPUNIT_ASSERT_THROW(store->takeTurn(patient(), [] { throw LockStoreError("wrong"); }), LockStoreError);
        CPPUNIT_ASSERT_EQUAL(Ending("granted"), acquireNow("next", patient()));
    }

    void testTurnEndsAtItsDeadline()
    {
        make(one);
        waitBehindARequest({});
        auto& turn = start(
            [this, context = within(1s)]
            {
                return endingOf(
                    [&]
                    {
                        store->takeTurn(context, [] {});
                        return Ending("done");
                    });
            });
        awaitWaiting(1);
        clock.advance(1s);
        assertContains({"unavailable: gated store: ", "deadline", "nothing was sent"}, turn.get());
    }

    void testRequestsAndTurnsExcludeEachOther()
    {
        make({.requests = 1, .steps = 3, .hangsAfter = forever, .requestsEndSoon = true});
        store->answerAll();
        constexpr int threads = 8, rounds = 300;
        std::size_t turns = 0; // guarded only by the turns, so that TSan reports two turns at once
        {
            std::vector<std::jthread> callers;
            for (int i = 0; i < threads; ++i)
                callers.emplace_back(
                    [&, i]
                    {
                        for (int round = 0; round < rounds; ++round)
                        {
                            if (i == 0)
                                store->takeTurn(patient(), [&] { ++turns; });
                            else
                                acquireNow("a", patient());
                        }
                    });
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{rounds}, turns);
        CPPUNIT_ASSERT_EQUAL(std::size_t{(threads - 1) * rounds}, store->stepsCarriedOut());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->maxUnderWay());
    }

    void testManyThreadsGetTheirOwnReplies()
    {
        make({.requests = 2, .steps = 7, .distinctNames = true, .hangsAfter = 5ms});
        store->answerAll();
        std::atomic<int> wrong{0}, replies{0};
        {
            std::vector<std::jthread> threads;
            for (int thread = 0; thread < 16; ++thread)
                threads.emplace_back(
                    [&, thread]
                    {
                        for (int turn = 0; turn < 100; ++turn)
                        {
                            const auto name = std::to_string(thread) + "/" + std::to_string(turn % 3);
                            std::stop_source source;
                            std::optional<std::jthread> canceller;
                            if (turn % 10 == thread % 10)
                                canceller.emplace([&source] { source.request_stop(); });
                            const auto end = renewNow({name, name + "+"}, within(60s, source.get_token()));
                            canceller.reset();
                            if (end == name + name + "+")
                                ++replies;
                            else
                                wrong += source.stop_requested() ? 0 : 1;
                        }
                    });
        }
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
        CPPUNIT_ASSERT(replies >= 16 * 90);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->waiting());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BatchedLockStoreTest);

} // namespace Leasehold
