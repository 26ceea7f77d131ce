#include "GroupCommit.h"

#include "HttpFailure.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <optional>
#include <set>
#include <thread>

namespace Leasehold
{

using namespace std::chrono_literals;

namespace
{

using Outcome = HttpFailure::Outcome;

/// What requests travel on: each hangs until the test answers it, or its sender's time is over, as with a real one.
class Wire
{
public:
    struct Request
    {
        std::vector<std::string> ids{};
        CallLimit::Time deadline{};
        std::optional<GroupReply> reply{}; // without items: an item for each operation that names it
        bool fails = false;
    };

    GroupReply send(std::span<const GroupCommit::Operations* const> calls, const CallLimit& limit)
    {
        std::unique_lock lock(_mutex);
        const std::size_t index = _requests.size();
        _requests.emplace_back();
        for (const auto* const operations : calls)
        {
            for (const auto& operation : *operations)
                _requests[index].ids.push_back(operation.id);
        }
        _requests[index].deadline = limit.deadline;
        ++_underWay;
        _most = std::max(_most, _underWay);
        _changed.notify_all();
        const bool answered = _changed.wait_until(lock, limit.cancel, limit.deadline,
                                                  [&] { return _requests[index].reply || _requests[index].fails || _free; });
        --_underWay;
        if (!answered || _requests[index].fails)
            throw HttpFailure(Outcome::unknown, "no answer from the wire");
        GroupReply reply = _requests[index].reply.value_or(GroupReply{});
        reply.node = "wire";
        if (!_requests[index].reply)
            reply.verdict.meaning = Meaning::done;
        if (reply.verdict.meaning == Meaning::done)
        {
            for (const auto& id : _requests[index].ids)
                reply.items.push_back({.status = 200, .result = id});
        }
        return reply;
    }

    void await(std::size_t requests)
    {
        std::unique_lock lock(_mutex);
        CPPUNIT_ASSERT_MESSAGE("only " + std::to_string(_requests.size()) + " requests came",
                               _changed.wait_for(lock, 20s, [&] { return _requests.size() >= requests; }));
    }

    Request request(std::size_t index)
    {
        const std::lock_guard lock(_mutex);
        return _requests.at(index);
    }

    std::size_t count()
    {
        const std::lock_guard lock(_mutex);
        return _requests.size();
    }

    std::size_t mostUnderWay()
    {
        const std::lock_guard lock(_mutex);
        return _most;
    }

    void answer(std::size_t index, GroupReply reply = {{Meaning::done, {}}, {}, {}})
    {
        const std::lock_guard lock(_mutex);
        _requests.at(index).reply = std::move(reply);
        _changed.notify_all();
    }

    void fail(std::size_t index)
    {
        const std::lock_guard lock(_mutex);
        _requests.at(index).fails = true;
        _changed.notify_all();
    }

    /// From now on everything is answered at once.
    void answerAll()
    {
        const std::lock_guard lock(_mutex);
        _free = true;
        _changed.notify_all();
    }

private:
    std::mutex _mutex;
    std::condition_variable_any _changed;
    std::vector<Request> _requests;
    std::size_t _underWay = 0;
    std::size_t _most = 0;
    bool _free = false;
};

/// How a call ended.
struct Ending
{
    std::optional<GroupReply> reply{};
    std::optional<Outcome> failure{};
};

CallLimit within(std::chrono::milliseconds time, std::stop_token cancel = {})
{
    return {std::chrono::steady_clock::now() + time, std::move(cancel)};
}

GroupCommit::Operations operations(const std::vector<std::string>& ids)
{
    GroupCommit::Operations result;
    for (const auto& id : ids)
        result.push_back({id, "{}"});
    return result;
}

// Longer than any test lasts, so that only what a test does ends a call.
constexpr auto patient = std::chrono::milliseconds(60s);

} // namespace

class GroupCommitTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(GroupCommitTest);
    CPPUNIT_TEST(testALoneCallIsSentAtOnceByItself);
    CPPUNIT_TEST(testCallsThatComeMeanwhileGoTogetherInTheNextRequest);
    CPPUNIT_TEST(testEachCallGetsItsOwnItemsInItsOwnOrder);
    CPPUNIT_TEST(testNoMoreRequestsAreUnderWayThanAllowed);
    CPPUNIT_TEST(testARequestTakesNoMoreItemsThanAllowed);
    CPPUNIT_TEST(testARequestTakesNoMoreBytesThanAllowed);
    CPPUNIT_TEST(testACallThatIsTooBigTravelsAlone);
    CPPUNIT_TEST(testTheCallWithTheLatestDeadlineSendsForAll);
    CPPUNIT_TEST(testACallLeavesAtItsDeadlineAlthoughItsRequestGoesOn);
    CPPUNIT_TEST(testACallThatLeavesBeforeItsTurnIsNeverSent);
    CPPUNIT_TEST(testACancelledCallLeavesWhileItWaits);
    CPPUNIT_TEST(testACancelledCallLeavesWhileItTravels);
    CPPUNIT_TEST(testTheCompanionsOfACancelledSenderGoOutAgain);
    CPPUNIT_TEST(testACancelledLoneCallFails);
    CPPUNIT_TEST(testARequestWithoutAnAnswerFailsEachOfItsCalls);
    CPPUNIT_TEST(testARefusedRequestIsRefusedToEachOfItsCalls);
    CPPUNIT_TEST(testWhatIsRefusedForItsContentIsSentOneByOne);
    CPPUNIT_TEST(testARequestThatHangsHoldsNobodyUpForLong);
    CPPUNIT_TEST(testManyThreadsGetEachTheirOwnReply);
    CPPUNIT_TEST_SUITE_END();

    using Pending = std::future<Ending>;

    Wire wire;
    std::unique_ptr<GroupCommit> together;
    std::deque<Pending> calls;

    void make(const GroupCommit::Bounds& bounds)
    {
        together = std::make_unique<GroupCommit>([this](auto group, const CallLimit& limit) { return wire.send(group, limit); }, bounds);
    }

    Ending ending(GroupCommit::Operations its, const CallLimit& limit)
    {
        try
        {
            return {together->carryOut(std::move(its), limit), {}};
        }
        catch (const HttpFailure& failure)
        {
            return {{}, failure.outcome()};
        }
    }

    Pending& call(const std::vector<std::string>& ids, const CallLimit& limit = within(patient))
    {
        return calls.emplace_back(std::async(std::launch::async, [this, ids, limit] { return ending(operations(ids), limit); }));
    }

    /// Calls one after the other, so that they gather in this order. The one request that is allowed is under way.
    std::vector<Pending*> gather(const std::vector<std::vector<std::string>>& each)
    {
        std::vector<Pending*> pending;
        for (const auto& ids : each)
        {
            pending.push_back(&call(ids));
            awaitGathered(pending.size());
        }
        return pending;
    }

    void awaitGathered(std::size_t count)
    {
        CPPUNIT_ASSERT(waitUntil([&] { return together->gathered() == count; }, 20s));
    }

    static std::vector<std::string> idsOf(const Ending& ending)
    {
        CPPUNIT_ASSERT_MESSAGE("there is no reply", ending.reply.has_value());
        CPPUNIT_ASSERT(ending.reply->verdict.meaning == Meaning::done);
        CPPUNIT_ASSERT_EQUAL(std::string("wire"), ending.reply->node);
        std::vector<std::string> ids;
        for (const auto& item : ending.reply->items)
            ids.push_back(item.result);
        return ids;
    }

    using Ids = std::vector<std::string>;
    static constexpr GroupCommit::Bounds one{.requests = 1, .patience = patient};

public:
    // A test that failed must not wait for the calls that it left behind.
    void tearDown() override
    {
        wire.answerAll();
        calls.clear();
    }

    void testALoneCallIsSentAtOnceByItself()
    {
        make(one);
        wire.answerAll();
        for (const std::string id : {"a", "b", "a"})
            CPPUNIT_ASSERT(idsOf(ending(operations({id}), within(patient))) == Ids{id});
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, wire.count());
    }

    void testCallsThatComeMeanwhileGoTogetherInTheNextRequest()
    {
        make(one);
        auto& first = call({"first"});
        wire.await(1);
        auto others = gather({{"a"}, {"b"}, {"c"}});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, wire.count());
        wire.answer(0);
        wire.await(2);
        CPPUNIT_ASSERT((wire.request(1).ids == Ids{"a", "b", "c"}));
        wire.answer(1);
        CPPUNIT_ASSERT(idsOf(first.get()) == Ids{"first"});
        CPPUNIT_ASSERT(idsOf(others[0]->get()) == Ids{"a"});
        CPPUNIT_ASSERT(idsOf(others[1]->get()) == Ids{"b"});
        CPPUNIT_ASSERT(idsOf(others[2]->get()) == Ids{"c"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, wire.count());
    }

    void testEachCallGetsItsOwnItemsInItsOwnOrder()
    {
        make(one);
        call({"first"});
        wire.await(1);
        auto others = gather({{"x", "y"}, {"x"}, {"z", "x", "z"}});
        wire.answerAll();
        CPPUNIT_ASSERT((idsOf(others[0]->get()) == Ids{"x", "y"}));
        CPPUNIT_ASSERT(idsOf(others[1]->get()) == Ids{"x"});
        CPPUNIT_ASSERT((idsOf(others[2]->get()) == Ids{"z", "x", "z"}));
        CPPUNIT_ASSERT((wire.request(1).ids == Ids{"x", "y", "x", "z", "x", "z"}));
    }

    void testNoMoreRequestsAreUnderWayThanAllowed()
    {
        make({.requests = 2, .patience = patient});
        call({"first"});
        wire.await(1);
        call({"second"});
        wire.await(2);
        gather({{"a"}, {"b"}});
        wire.answer(1);
        wire.await(3);
        CPPUNIT_ASSERT((wire.request(2).ids == Ids{"a", "b"}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, wire.mostUnderWay());
    }

    void testARequestTakesNoMoreItemsThanAllowed()
    {
        make({.requests = 1, .items = 3, .patience = patient});
        call({"first"});
        wire.await(1);
        auto others = gather({{"a"}, {"b", "c"}, {"d"}, {"e", "f", "g"}});
        wire.answerAll();
        for (auto* const other : others)
            idsOf(other->get());
        CPPUNIT_ASSERT((wire.request(1).ids == Ids{"a", "b", "c"}));
        CPPUNIT_ASSERT((wire.request(2).ids == Ids{"d"}));
        CPPUNIT_ASSERT((wire.request(3).ids == Ids{"e", "f", "g"}));
    }

    void testARequestTakesNoMoreBytesThanAllowed()
    {
        const auto size = bulkBytes(operations({"a"}).front());
        make({.requests = 1, .bytes = 2 * size, .patience = patient});
        call({"first"});
        wire.await(1);
        auto others = gather({{"a"}, {"b"}, {"c"}});
        wire.answerAll();
        for (auto* const other : others)
            idsOf(other->get());
        CPPUNIT_ASSERT((wire.request(1).ids == Ids{"a", "b"}));
        CPPUNIT_ASSERT(wire.request(2).ids == Ids{"c"});
    }

    void testACallThatIsTooBigTravelsAlone()
    {
        make({.requests = 1, .items = 2, .bytes = 1, .patience = patient});
        call({"first"});
        wire.await(1);
        auto others = gather({{"a", "b", "c"}, {"d"}});
        wire.answerAll();
        CPPUNIT_ASSERT((idsOf(others[0]->get()) == Ids{"a", "b", "c"}));
        CPPUNIT_ASSERT((wire.request(1).ids == Ids{"a", "b", "c"}));
    }

    void testTheCallWithTheLatestDeadlineSendsForAll()
    {
        make(one);
        call({"first"});
        wire.await(1);
        const auto latest = within(patient + 2s);
        call({"a"}, within(patient));
        call({"b"}, latest);
        call({"c"}, within(patient + 1s));
        awaitGathered(3);
        wire.answer(0);
        wire.await(2);
        CPPUNIT_ASSERT(wire.request(1).deadline == latest.deadline);
    }

    void testACallLeavesAtItsDeadlineAlthoughItsRequestGoesOn()
    {
        make(one);
        call({"first"});
        wire.await(1);
        auto others = gather({{"stays"}});
        // Its time must last until it travels, however slow the machine is.
        auto& hasty = call({"leaves"}, within(2s));
        awaitGathered(2);
        wire.answer(0);
        wire.await(2);
        CPPUNIT_ASSERT((wire.request(1).ids == Ids{"stays", "leaves"}));
        CPPUNIT_ASSERT(hasty.get().failure == Outcome::unknown);
        wire.answer(1);
        CPPUNIT_ASSERT(idsOf(others[0]->get()) == Ids{"stays"});
    }

    void testACallThatLeavesBeforeItsTurnIsNeverSent()
    {
        make(one);
        auto& first = call({"first"});
        wire.await(1);
        CPPUNIT_ASSERT(ending(operations({"leaves"}), within(50ms)).failure == Outcome::notSent);
        CPPUNIT_ASSERT(ending(operations({"is late"}), within(0ms)).failure == Outcome::notSent);
        wire.answer(0);
        first.get();
        wire.answerAll();
        CPPUNIT_ASSERT(idsOf(ending(operations({"next"}), within(patient))) == Ids{"next"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, wire.count());
    }

    void testACancelledCallLeavesWhileItWaits()
    {
        make(one);
        call({"first"});
        wire.await(1);
        std::stop_source source;
        auto& cancelled = call({"cancelled"}, within(patient, source.get_token()));
        awaitGathered(1);
        source.request_stop();
        CPPUNIT_ASSERT(cancelled.get().failure == Outcome::notSent);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, wire.count());
    }

    void testACancelledCallLeavesWhileItTravels()
    {
        make(one);
        call({"first"});
        wire.await(1);
        std::stop_source source;
        auto& cancelled = call({"cancelled"}, within(patient, source.get_token()));
        auto& sender = call({"sender"}, within(patient + 10s));
        awaitGathered(2);
        wire.answer(0);
        wire.await(2);
        source.request_stop();
        CPPUNIT_ASSERT(cancelled.get().failure == Outcome::unknown);
        wire.answer(1);
        CPPUNIT_ASSERT(idsOf(sender.get()) == Ids{"sender"});
    }

    void testTheCompanionsOfACancelledSenderGoOutAgain()
    {
        make(one);
        call({"first"});
        wire.await(1);
        std::stop_source source;
        auto others = gather({{"a"}, {"b"}});
        auto& sender = call({"sender"}, within(patient + 10s, source.get_token()));
        awaitGathered(3);
        wire.answer(0);
        wire.await(2);
        auto& later = call({"later"});
        awaitGathered(1);
        source.request_stop();
        CPPUNIT_ASSERT(sender.get().failure == Outcome::unknown);
        wire.await(3);
        CPPUNIT_ASSERT((wire.request(2).ids == Ids{"a", "b", "later"}));
        wire.answer(2);
        CPPUNIT_ASSERT(idsOf(others[0]->get()) == Ids{"a"});
        CPPUNIT_ASSERT(idsOf(others[1]->get()) == Ids{"b"});
        CPPUNIT_ASSERT(idsOf(later.get()) == Ids{"later"});
    }

    void testACancelledLoneCallFails()
    {
        make(one);
        std::stop_source source;
        auto& lone = call({"lone"}, within(patient, source.get_token()));
        wire.await(1);
        source.request_stop();
        CPPUNIT_ASSERT(lone.get().failure == Outcome::unknown);
        auto& next = call({"next"});
        wire.await(2);
        wire.answer(1);
        CPPUNIT_ASSERT(idsOf(next.get()) == Ids{"next"});
    }

    void testARequestWithoutAnAnswerFailsEachOfItsCalls()
    {
        make(one);
        auto& first = call({"first"});
        wire.await(1);
        auto others = gather({{"a"}, {"b"}});
        wire.fail(0);
        CPPUNIT_ASSERT(first.get().failure == Outcome::unknown);
        wire.await(2);
        wire.fail(1);
        CPPUNIT_ASSERT(others[0]->get().failure == Outcome::unknown);
        CPPUNIT_ASSERT(others[1]->get().failure == Outcome::unknown);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, wire.count());
    }

    void testARefusedRequestIsRefusedToEachOfItsCalls()
    {
        make(one);
        call({"first"});
        wire.await(1);
        auto others = gather({{"a"}, {"b", "c"}});
        wire.answer(0);
        wire.await(2);
        wire.answer(1, {{Meaning::transient, "overloaded"}, {}, {}});
        for (auto* const other : others)
        {
            const auto reply = other->get().reply;
            CPPUNIT_ASSERT(reply && reply->verdict.meaning == Meaning::transient && reply->items.empty());
            CPPUNIT_ASSERT_EQUAL(std::string("overloaded"), reply->verdict.why);
        }
    }

    void testWhatIsRefusedForItsContentIsSentOneByOne()
    {
        make(one);
        call({"first"});
        wire.await(1);
        auto others = gather({{"a"}, {"poison"}, {"b", "c"}});
        wire.answer(0);
        wire.await(2);
        wire.answer(1, {{Meaning::permanent, "malformed"}, {}, {}, true});
        wire.await(5);
        for (std::size_t index = 2; index < 5; ++index)
        {
            if (wire.request(index).ids == Ids{"poison"})
                wire.answer(index, {{Meaning::permanent, "malformed"}, {}, {}, true});
            else
                wire.answer(index);
        }
        CPPUNIT_ASSERT(idsOf(others[0]->get()) == Ids{"a"});
        CPPUNIT_ASSERT((idsOf(others[2]->get()) == Ids{"b", "c"}));
        CPPUNIT_ASSERT(others[1]->get().reply->verdict.meaning == Meaning::permanent);
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, wire.count());
    }

    void testARequestThatHangsHoldsNobodyUpForLong()
    {
        make({.requests = 1, .patience = 50ms});
        auto& hangs = call({"hangs"});
        wire.await(1);
        auto& a = call({"a"});
        wire.await(2);
        CPPUNIT_ASSERT(wire.request(1).ids == Ids{"a"});
        wire.answer(1);
        CPPUNIT_ASSERT(idsOf(a.get()) == Ids{"a"});
        wire.answer(0);
        CPPUNIT_ASSERT(idsOf(hangs.get()) == Ids{"hangs"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, wire.mostUnderWay());
    }

    void testManyThreadsGetEachTheirOwnReply()
    {
        make({.requests = 2, .items = 7, .patience = 5ms});
        wire.answerAll();
        std::atomic<int> wrong{0};
        std::atomic<int> replies{0};
        {
            std::vector<std::jthread> threads;
            for (int thread = 0; thread < 16; ++thread)
            {
                threads.emplace_back(
                    [&, thread]
                    {
                        for (int turn = 0; turn < 100; ++turn)
                        {
                            const auto id = std::to_string(thread) + "/" + std::to_string(turn);
                            std::stop_source source;
                            std::optional<std::jthread> canceller;
                            if (turn % 10 == thread % 10)
                                canceller.emplace([&source] { source.request_stop(); });
                            const auto end = ending(operations({id, id + "+"}), within(patient, source.get_token()));
                            canceller.reset();
                            if (end.reply)
                            {
                                ++replies;
                                const auto& items = end.reply->items;
                                wrong += items.size() == 2 && items[0].result == id && items[1].result == id + "+" ? 0 : 1;
                            }
                            else
                            {
                                wrong += source.stop_requested() ? 0 : 1;
                            }
                        }
                    });
            }
        }
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
        CPPUNIT_ASSERT(replies >= 16 * 90);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, together->gathered());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(GroupCommitTest);

} // namespace Leasehold
