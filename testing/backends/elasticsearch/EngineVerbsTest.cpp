#include "EngineFixture.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <limits>
#include <mutex>
#include <thread>

namespace Leasehold
{

using namespace std::chrono_literals;

/// Tests every line of the rule table on a real engine in real time.
class EngineVerbsTest : public EngineFixture
{
    CPPUNIT_TEST_SUITE(EngineVerbsTest);
    CPPUNIT_TEST(testFreeLockIsGrantedWithAFenceOfNow);
    CPPUNIT_TEST(testLiveLockIsHeldAndItsHolderTold);
    CPPUNIT_TEST(testReplayGetsTheSameGrant);
    CPPUNIT_TEST(testExpiredLockGoesToItsSuccessorWithAGreaterFence);
    CPPUNIT_TEST(testDuplicateAfterTheEndIsSpent);
    CPPUNIT_TEST(testOnlyTheHoldersLeaseIsRenewed);
    CPPUNIT_TEST(testExpiredLeaseIsNotRevived);
    CPPUNIT_TEST(testRenewalOfManyLocksIsAnsweredInOrder);
    CPPUNIT_TEST(testReleaseFreesAtOnceAndIsRemembered);
    CPPUNIT_TEST(testForeignReleaseChangesNothing);
    CPPUNIT_TEST(testLockBrokenForItsEndIsTakenUntilThen);
    CPPUNIT_TEST(testLockBrokenNowIsFree);
    CPPUNIT_TEST(testFindTellsLiveLocksOnly);
    CPPUNIT_TEST(testListIsOrderedByNameAndPaged);
    CPPUNIT_TEST(testListTellsLiveLocksOnly);
    CPPUNIT_TEST(testPruneForgetsOnlyWhatIsOldEnough);
    CPPUNIT_TEST(testFloorLiftsTheFence);
    CPPUNIT_TEST(testFenceAtItsLimitIsNeverPassed);
    CPPUNIT_TEST(testNamesOfEveryKindAreKeptApart);
    CPPUNIT_TEST(testMetadataComesBackByteByByte);
    CPPUNIT_TEST(testClockThatHadBeenAheadIsCorrected);
    CPPUNIT_TEST(testTwentyThreadsRaceAndOneWins);
    CPPUNIT_TEST(testManyThreadsShareRequestsAndGetEachTheirOwnAnswer);
    CPPUNIT_TEST_SUITE_END_ABSTRACT();

    std::unique_ptr<ElasticsearchLockStore> _store;
    std::unique_ptr<ElasticsearchLockStore> _other;

    AcquireReply acquire(const std::string& name, const std::string& token, Milliseconds ttl = 30s, const std::string& metadata = "{}",
                         Fence floor = 0)
    {
        return _store->acquire({name, token, ttl, metadata, floor}, context());
    }

    LockRecord granted(const std::string& name, const std::string& token, Milliseconds ttl = 30s, const std::string& metadata = "{}",
                       Fence floor = 0)
    {
        const auto reply = acquire(name, token, ttl, metadata, floor);
        CPPUNIT_ASSERT_MESSAGE(name, reply.status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(name, reply.record.name);
        return reply.record;
    }

    RenewStatus renew(const std::string& name, const std::string& token, Fence fence, Milliseconds ttl = 30s)
    {
        const std::vector<RenewRequest> requests{{{name, token, fence}, ttl}};
        return _other->renew(requests, context()).at(0).status;
    }

    void awaitExpiry(const std::string& name)
    {
        until([&] { return !_store->find(name, context()); }, "the expiry of " + name);
    }

    static Fence wallMicroseconds()
    {
        return static_cast<Fence>(
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
    }

public:
    void setUp() override
    {
        EngineFixture::setUp();
        _store = open();
        _other = open();
        _store->prepare(context());
    }

    void testFreeLockIsGrantedWithAFenceOfNow()
    {
        const auto before = wallMicroseconds();
        const auto record = granted("a", "t", 30s, R"({"host":"web-1"})");
        // The bound is wide, because a cluster may be on another machine.
        CPPUNIT_ASSERT(record.fence + 60'000'000 > before);
        CPPUNIT_ASSERT(record.fence < wallMicroseconds() + 60'000'000);
        CPPUNIT_ASSERT(record.remaining == 30s);
        CPPUNIT_ASSERT(record.ttl == 30s);
        CPPUNIT_ASSERT(record.expiresAt - record.acquiredAt == 30s);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), record.metadata);
    }

    void testLiveLockIsHeldAndItsHolderTold()
    {
        const auto record = granted("a", "t", 30s, R"({"host":"web-1"})");
        const auto reply = _other->acquire({"a", "u", 60s, R"({"host":"web-2"})", 0}, context());
        CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
        CPPUNIT_ASSERT_EQUAL(record.fence, reply.record.fence);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), reply.record.metadata);
        CPPUNIT_ASSERT(reply.record.remaining > 0ms && reply.record.remaining <= 30s);
        CPPUNIT_ASSERT(reply.record.expiresAt == record.expiresAt);
        CPPUNIT_ASSERT(renew("a", "t", record.fence) == RenewStatus::renewed);
    }

    void testReplayGetsTheSameGrant()
    {
        const auto first = granted("a", "t", 30s, R"({"first":true})");
        const auto longer = granted("a", "t", 60s, R"({"first":false})", first.fence + 5);
        CPPUNIT_ASSERT_EQUAL(first.fence, longer.fence);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"first":true})"), longer.metadata);
        CPPUNIT_ASSERT(longer.acquiredAt == first.acquiredAt);
        CPPUNIT_ASSERT(longer.expiresAt > first.expiresAt);
        const auto shorter = granted("a", "t", 1s);
        CPPUNIT_ASSERT(shorter.expiresAt == longer.expiresAt);
    }

    void testExpiredLockGoesToItsSuccessorWithAGreaterFence()
    {
        const auto first = granted("a", "t", 300ms, R"({"n":1})");
        AcquireReply second;
        until([&] { return (second = acquire("a", "u", 30s, R"({"n":2})")).status == AcquireStatus::granted; }, "a successor");
        CPPUNIT_ASSERT(second.record.fence > first.fence);
        CPPUNIT_ASSERT(second.record.acquiredAt >= first.expiresAt);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"n":2})"), second.record.metadata);
        CPPUNIT_ASSERT(renew("a", "t", first.fence) == RenewStatus::lost);
        CPPUNIT_ASSERT(_other->release({"a", "t", first.fence}, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(renew("a", "u", second.record.fence) == RenewStatus::renewed);
    }

    void testDuplicateAfterTheEndIsSpent()
    {
        const auto released = granted("released", "t");
        CPPUNIT_ASSERT(_store->release({"released", "t", released.fence}, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(acquire("released", "t").status == AcquireStatus::spent);

        const auto freed = granted("freed", "t");
        CPPUNIT_ASSERT(_store->breakLock("freed", freed.fence, BreakMode::now, context()));
        CPPUNIT_ASSERT(acquire("freed", "t").status == AcquireStatus::spent);

        granted("expired", "t", 200ms);
        awaitExpiry("expired");
        CPPUNIT_ASSERT(acquire("expired", "t").status == AcquireStatus::spent);
        CPPUNIT_ASSERT_EQUAL(std::string("expired"), acquire("expired", "t").record.name);
        granted("expired", "u");
    }

    void testOnlyTheHoldersLeaseIsRenewed()
    {
        const auto record = granted("a", "t");
        CPPUNIT_ASSERT(renew("a", "u", record.fence) == RenewStatus::lost);
        CPPUNIT_ASSERT(renew("a", "t", record.fence - 1) == RenewStatus::lost);
        CPPUNIT_ASSERT(renew("a", "t", record.fence + 1) == RenewStatus::lost);
        CPPUNIT_ASSERT(renew("absent", "t", record.fence) == RenewStatus::lost);
        CPPUNIT_ASSERT(!_store->find("absent", context()));
        CPPUNIT_ASSERT(_store->find("a", context())->expiresAt == record.expiresAt);
        CPPUNIT_ASSERT(renew("a", "t", record.fence, 90s) == RenewStatus::renewed);
        const auto renewed = _store->find("a", context());
        CPPUNIT_ASSERT(renewed->expiresAt > record.expiresAt);
        CPPUNIT_ASSERT(renewed->ttl == 90s);
        CPPUNIT_ASSERT_EQUAL(record.fence, renewed->fence);
    }

    void testExpiredLeaseIsNotRevived()
    {
        const auto record = granted("a", "t", 200ms);
        awaitExpiry("a");
        CPPUNIT_ASSERT(renew("a", "t", record.fence) == RenewStatus::lost);
        CPPUNIT_ASSERT(_other->release({"a", "t", record.fence}, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!_store->find("a", context()));
    }

    void testRenewalOfManyLocksIsAnsweredInOrder()
    {
        std::vector<RenewRequest> requests(2300, {{"absent", "t", 1}, 30s});
        const std::vector<std::size_t> live{0, 1, 999, 1000, 1001, 1999, 2299};
        for (const auto index : live)
        {
            const std::string name = "lock " + std::to_string(index);
            requests[index].lease = {name, "t", granted(name, "t").fence};
        }
        const auto replies = _other->renew(requests, context());
        CPPUNIT_ASSERT_EQUAL(requests.size(), replies.size());
        for (std::size_t index = 0; index < replies.size(); ++index)
        {
            const bool expected = std::find(live.begin(), live.end(), index) != live.end();
            CPPUNIT_ASSERT_MESSAGE(std::to_string(index), replies[index].status == (expected ? RenewStatus::renewed : RenewStatus::lost));
            CPPUNIT_ASSERT(replies[index].remaining == (expected ? Milliseconds(30s) : 0ms));
        }
    }

    void testReleaseFreesAtOnceAndIsRemembered()
    {
        const auto first = granted("a", "t");
        CPPUNIT_ASSERT(_other->release({"a", "t", first.fence}, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(!_store->find("a", context()));
        CPPUNIT_ASSERT(_store->release({"a", "t", first.fence}, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(renew("a", "t", first.fence) == RenewStatus::lost);
        const auto second = granted("a", "u");
        CPPUNIT_ASSERT(second.fence > first.fence);
        CPPUNIT_ASSERT(_store->release({"a", "t", first.fence}, context()).status == ReleaseStatus::notHeld);
    }

    void testForeignReleaseChangesNothing()
    {
        const auto record = granted("a", "t");
        CPPUNIT_ASSERT(_other->release({"a", "u", record.fence}, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(_other->release({"a", "t", record.fence + 1}, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(_other->release({"absent", "t", record.fence}, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(_store->find("a", context())->expiresAt == record.expiresAt);
    }

    void testLockBrokenForItsEndIsTakenUntilThen()
    {
        const auto record = granted("a", "t", 1000ms);
        CPPUNIT_ASSERT(!_other->breakLock("a", record.fence + 1, BreakMode::whenItEnds, context()));
        CPPUNIT_ASSERT(!_other->breakLock("absent", record.fence, BreakMode::whenItEnds, context()));
        CPPUNIT_ASSERT(_other->breakLock("a", record.fence, BreakMode::whenItEnds, context()));
        CPPUNIT_ASSERT(renew("a", "t", record.fence) == RenewStatus::lost);
        CPPUNIT_ASSERT(_store->release({"a", "t", record.fence}, context()).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(acquire("a", "t").status == AcquireStatus::held);
        AcquireReply successor;
        bool wasHeld = false;
        until(
            [&]
            {
                successor = acquire("a", "u");
                wasHeld = wasHeld || successor.status == AcquireStatus::held;
                return successor.status == AcquireStatus::granted;
            },
            "the end of the broken lease");
        CPPUNIT_ASSERT(wasHeld);
        CPPUNIT_ASSERT(successor.record.acquiredAt >= record.expiresAt);
        CPPUNIT_ASSERT(!_other->breakLock("a", record.fence, BreakMode::whenItEnds, context()));
    }

    void testLockBrokenNowIsFree()
    {
        const auto record = granted("a", "t");
        CPPUNIT_ASSERT(!_other->breakLock("a", record.fence - 1, BreakMode::now, context()));
        CPPUNIT_ASSERT(_other->breakLock("a", record.fence, BreakMode::now, context()));
        CPPUNIT_ASSERT(!_other->breakLock("a", record.fence, BreakMode::now, context()));
        CPPUNIT_ASSERT(!_store->find("a", context()));
        CPPUNIT_ASSERT(renew("a", "t", record.fence) == RenewStatus::lost);
        CPPUNIT_ASSERT(granted("a", "u").fence > record.fence);
    }

    void testFindTellsLiveLocksOnly()
    {
        CPPUNIT_ASSERT(!_store->find("a", context()));
        const auto record = granted("a", "t", 30s, R"({"x":"y"})");
        const auto found = _other->find("a", context());
        CPPUNIT_ASSERT_EQUAL(std::string("a"), found->name);
        CPPUNIT_ASSERT_EQUAL(record.fence, found->fence);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"x":"y"})"), found->metadata);
        CPPUNIT_ASSERT(found->acquiredAt == record.acquiredAt);
        CPPUNIT_ASSERT(found->remaining > 0ms && found->remaining <= 30s);
        CPPUNIT_ASSERT(_store->release({"a", "t", record.fence}, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(!_other->find("a", context()));
    }

    void testListIsOrderedByNameAndPaged()
    {
        std::vector<std::string> names{"Z", "a", "a b", "a/b", "job/\xc3\xa9", "job/\xf0\x9f\x94\x92", "~"};
        for (int number = 0; number < 520; ++number)
            names.push_back("job/" + std::to_string(1000 + number));
        std::sort(names.begin(), names.end());
        {
            std::vector<std::jthread> threads;
            for (std::size_t part = 0; part < 4; ++part)
            {
                threads.emplace_back(
                    [&, part]
                    {
                        for (auto index = part; index < names.size(); index += 4)
                            _store->acquire({names[index], "t", 60s, "{}", 0}, context());
                    });
            }
        }
        const auto namesOf = [](const std::vector<LockRecord>& records)
        {
            std::vector<std::string> result;
            for (const auto& record : records)
                result.push_back(record.name);
            return result;
        };
        CPPUNIT_ASSERT(namesOf(_other->list({}, context())) == names);
        CPPUNIT_ASSERT_EQUAL(std::size_t{522}, _other->list({.prefix = "job/"}, context()).size());
        CPPUNIT_ASSERT((namesOf(_other->list({.prefix = "a", .limit = 2}, context())) == std::vector<std::string>{"a", "a b"}));
        CPPUNIT_ASSERT((namesOf(_other->list({.prefix = "a", .after = "a b"}, context())) == std::vector<std::string>{"a/b"}));
        CPPUNIT_ASSERT(_other->list({.after = "~"}, context()).empty());
        CPPUNIT_ASSERT(_other->list({.limit = 0}, context()).empty());
    }

    void testListTellsLiveLocksOnly()
    {
        const auto released = granted("released", "t");
        _store->release({"released", "t", released.fence}, context());
        const auto broken = granted("broken", "t");
        _store->breakLock("broken", broken.fence, BreakMode::whenItEnds, context());
        granted("expired", "t", 200ms);
        const auto live = granted("live", "t", 30s, R"({"x":1})");
        awaitExpiry("expired");
        const auto records = _other->list({}, context());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, records.size());
        CPPUNIT_ASSERT_EQUAL(std::string("broken"), records[0].name);
        CPPUNIT_ASSERT_EQUAL(std::string("live"), records[1].name);
        CPPUNIT_ASSERT_EQUAL(live.fence, records[1].fence);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"x":1})"), records[1].metadata);
        CPPUNIT_ASSERT(records[1].remaining > 0ms && records[1].remaining <= 30s);
    }

    void testPruneForgetsOnlyWhatIsOldEnough()
    {
        const auto released = granted("released", "t");
        _store->release({"released", "t", released.fence}, context());
        granted("live", "t");
        const auto ahead = granted("ahead", "t", 30s, "{}", released.fence + 3'600'000'000);
        _store->release({"ahead", "t", ahead.fence}, context());

        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, _other->prune(1h, context()));
        std::size_t forgotten = 0;
        until([&] { return (forgotten += _other->prune(0ms, context())) > 0; }, "something old enough");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, forgotten);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, _other->prune(0ms, context()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, _other->prune(Milliseconds::max(), context()));
        CPPUNIT_ASSERT(_store->find("live", context()));
        CPPUNIT_ASSERT(granted("ahead", "u").fence > ahead.fence);
        CPPUNIT_ASSERT(granted("released", "u").fence > released.fence);
    }

    void testFloorLiftsTheFence()
    {
        const auto floor = wallMicroseconds() + 1'000'000'000;
        CPPUNIT_ASSERT_EQUAL(floor + 1, granted("a", "t", 30s, "{}", floor).fence);
        CPPUNIT_ASSERT(_store->release({"a", "t", floor + 1}, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT_EQUAL(floor + 2, granted("a", "u").fence);
    }

    void testFenceAtItsLimitIsNeverPassed()
    {
        CPPUNIT_ASSERT_EQUAL(maxFence, granted("a", "t", 30s, "{}", maxFence - 1).fence);
        CPPUNIT_ASSERT(renew("a", "t", maxFence) == RenewStatus::renewed);
        CPPUNIT_ASSERT(_store->release({"a", "t", maxFence}, context()).status == ReleaseStatus::released);
        try
        {
            acquire("a", "u");
            CPPUNIT_FAIL("granted");
        }
        catch (const LockStoreError& error)
        {
            CPPUNIT_ASSERT(dynamic_cast<const LockStoreUnavailable*>(&error) == nullptr);
            CPPUNIT_ASSERT(error.message().find("fence") != std::string::npos);
        }
        CPPUNIT_ASSERT(!_store->find("a", context()));

        for (const Fence floor : {maxFence, maxFence + 1, std::numeric_limits<Fence>::max()})
        {
            CPPUNIT_ASSERT_THROW(acquire("absent", "t", 30s, "{}", floor), LockStoreError);
            CPPUNIT_ASSERT(!_store->find("absent", context()));
        }
        // Another program may have written any number.
        granted("foreign", "t", 200ms);
        operate("POST", "/" + options.index + "/_update/foreign", R"({"doc":{"fence":9223372036854775807}})");
        awaitExpiry("foreign");
        CPPUNIT_ASSERT_THROW(acquire("foreign", "u"), LockStoreError);
    }

    void testNamesOfEveryKindAreKeptApart()
    {
        const std::vector<std::string> names{"a/b",
                                             "a b",
                                             "a%2Fb",
                                             "a+b",
                                             "A/b",
                                             "a\"b",
                                             "a\\b",
                                             "a?b#c&d=e",
                                             ".",
                                             "..",
                                             "*",
                                             "_x",
                                             "-x",
                                             ",",
                                             "\xc3\xa9",
                                             "e\xcc\x81",
                                             "\xf0\x9f\x94\x92",
                                             "{}",
                                             "x",
                                             std::string(512, 'n'),
                                             std::string(511, 'n') + "m",
                                             "leasehold-probe"};
        std::vector<Fence> fences;
        for (const auto& name : names)
            fences.push_back(granted(name, "t").fence);
        for (std::size_t index = 0; index < names.size(); ++index)
        {
            CPPUNIT_ASSERT_EQUAL(fences[index], _other->find(names[index], context())->fence);
            CPPUNIT_ASSERT(renew(names[index], "t", fences[index]) == RenewStatus::renewed);
        }
        CPPUNIT_ASSERT_EQUAL(names.size(), _other->list({}, context()).size());
        for (std::size_t index = 0; index < names.size(); ++index)
            CPPUNIT_ASSERT(_other->release({names[index], "t", fences[index]}, context()).status == ReleaseStatus::released);
    }

    void testMetadataComesBackByteByByte()
    {
        for (const std::string& metadata :
             {std::string(R"({"b":1,"a":{"deep":[1,2.50,{"x":null}]},"quote":"\"\\\/\u0041","big":123456789012345678901234567890})"),
              std::string("{ \"spaced\" :  1 }"), "{\"long\":\"" + std::string(16'000, 'm') + "\"}",
              std::string("{\"utf\":\"\xc3\xa9\xf0\x9f\x94\x92\"}")})
        {
            const auto record = granted("a", "t", 30s, metadata);
            CPPUNIT_ASSERT_EQUAL(metadata, record.metadata);
            CPPUNIT_ASSERT_EQUAL(metadata, _other->find("a", context())->metadata);
            CPPUNIT_ASSERT_EQUAL(metadata, _other->list({}, context()).at(0).metadata);
            CPPUNIT_ASSERT(renew("a", "t", record.fence) == RenewStatus::renewed);
            CPPUNIT_ASSERT_EQUAL(metadata, _other->find("a", context())->metadata);
            CPPUNIT_ASSERT(_store->release({"a", "t", record.fence}, context()).status == ReleaseStatus::released);
            operate("DELETE", "/" + options.index + "/_doc/a");
        }
    }

    void testClockThatHadBeenAheadIsCorrected()
    {
        const auto record = granted("a", "t", 30s);
        const auto hourAhead = std::to_string((record.expiresAt + 1h).time_since_epoch().count());
        operate("POST", "/" + options.index + "/_update/a", R"({"doc":{"expires":)" + hourAhead + "}}");
        CPPUNIT_ASSERT(_store->find("a", context())->remaining > 50min);
        const auto reply = acquire("a", "u");
        CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
        CPPUNIT_ASSERT(reply.record.remaining == 30s);
        CPPUNIT_ASSERT(_store->find("a", context())->remaining <= 30s);
        CPPUNIT_ASSERT(acquire("a", "u").status == AcquireStatus::held);
        CPPUNIT_ASSERT(renew("a", "t", record.fence) == RenewStatus::renewed);

        // The expiry of a broken lease is corrected too, and this update is no grant for its old token.
        CPPUNIT_ASSERT(_store->breakLock("a", record.fence, BreakMode::whenItEnds, context()));
        operate("POST", "/" + options.index + "/_update/a", R"({"doc":{"expires":)" + hourAhead + "}}");
        const auto own = acquire("a", "t");
        CPPUNIT_ASSERT(own.status == AcquireStatus::held);
        CPPUNIT_ASSERT(own.record.remaining == 30s);
    }

    void testTwentyThreadsRaceAndOneWins()
    {
        std::atomic<int> grants{0};
        std::atomic<int> helds{0};
        std::atomic<int> foreign{0};
        std::latch start(20);
        {
            std::vector<std::jthread> threads;
            for (int thread = 0; thread < 20; ++thread)
            {
                threads.emplace_back(
                    [&, thread]
                    {
                        start.arrive_and_wait();
                        const std::string token = "t" + std::to_string(thread);
                        const auto reply = _store->acquire({"a", token, 30s, "{}", 0}, context());
                        if (reply.status == AcquireStatus::granted)
                            ++grants;
                        else if (reply.status == AcquireStatus::held)
                            ++helds;
                        if (reply.status == AcquireStatus::held &&
                            _store->release({"a", token, reply.record.fence}, context()).status == ReleaseStatus::notHeld)
                            ++foreign;
                    });
            }
        }
        CPPUNIT_ASSERT_EQUAL(1, grants.load());
        CPPUNIT_ASSERT_EQUAL(19, helds.load());
        CPPUNIT_ASSERT_EQUAL(19, foreign.load());
        CPPUNIT_ASSERT(_store->find("a", context()));
    }

    void testManyThreadsShareRequestsAndGetEachTheirOwnAnswer()
    {
        // Each thread has its own lock, and all want a shared one, so the items of one request have different outcomes, and some have the
        // same name.
        std::mutex mutex;
        std::string wrong;
        std::vector<Fence> fences; // of the shared lock, in order of the grants
        const auto note = [&](const std::string& what)
        {
            const std::lock_guard lock(mutex);
            wrong += what + "; ";
        };
        std::latch start(24);
        {
            std::vector<std::jthread> threads;
            for (int thread = 0; thread < 24; ++thread)
            {
                threads.emplace_back(
                    [&, thread]
                    {
                        const std::string name = "own-" + std::to_string(thread);
                        start.arrive_and_wait();
                        Fence last = 0;
                        for (int round = 0; round < 10; ++round)
                        {
                            const std::string token = name + "/" + std::to_string(round);
                            const auto own = _store->acquire({name, token, 30s, "{\"by\":\"" + token + "\"}", 0}, context());
                            if (own.status != AcquireStatus::granted || own.record.name != name || own.record.fence <= last ||
                                own.record.metadata.find(token) == std::string::npos)
                                note(token + " was not granted rightly");
                            last = own.record.fence;

                            const auto shared = _store->acquire({"shared", token, 30s, "{}", 0}, context());
                            if (shared.status == AcquireStatus::granted)
                            {
                                {
                                    const std::lock_guard lock(mutex);
                                    fences.push_back(shared.record.fence);
                                }
                                if (_store->release({"shared", token, shared.record.fence}, context()).status != ReleaseStatus::released)
                                    note(token + " lost the shared lock");
                            }

                            const std::vector<RenewRequest> requests{
                                {{name, token, last}, 30s}, {{name, token, last - 1}, 30s}, {{name, token, last}, 40s}};
                            const auto replies = _store->renew(requests, context());
                            if (replies.size() != 3 || replies[0].status != RenewStatus::renewed ||
                                replies[1].status != RenewStatus::lost || replies[2].status != RenewStatus::renewed)
                                note(token + " was not renewed rightly");
                            if (_store->release({name, token, last}, context()).status != ReleaseStatus::released)
                                note(token + " was not released");
                        }
                    });
            }
        }
        CPPUNIT_ASSERT_EQUAL(std::string(), wrong);
        CPPUNIT_ASSERT(!fences.empty());
        CPPUNIT_ASSERT(std::is_sorted(fences.begin(), fences.end()));
        CPPUNIT_ASSERT(std::adjacent_find(fences.begin(), fences.end()) == fences.end());
        CPPUNIT_ASSERT(!_store->find("shared", context()));
        CPPUNIT_ASSERT(_store->list({.prefix = "own-"}, context()).empty());
    }
};

class OpenSearch3VerbsTest : public EngineVerbsTest
{
    CPPUNIT_TEST_SUB_SUITE(OpenSearch3VerbsTest, EngineVerbsTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::openSearch3; }
};

class Elasticsearch7VerbsTest : public EngineVerbsTest
{
    CPPUNIT_TEST_SUB_SUITE(Elasticsearch7VerbsTest, EngineVerbsTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::elasticsearch7; }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OpenSearch3VerbsTest);
CPPUNIT_TEST_SUITE_REGISTRATION(Elasticsearch7VerbsTest);

} // namespace Leasehold
