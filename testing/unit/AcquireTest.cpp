#include "Leasehold/waitUntil.h"
#include "ServiceFixture.h"
#include "thrown.h"

#include <array>
#include <future>
#include <set>

using namespace Leasehold;
using namespace std::chrono_literals;

class AcquireTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(AcquireTest);
    CPPUNIT_TEST(testTryAcquireGivesTheLockOrTellsWhoHoldsIt);
    CPPUNIT_TEST(testAcquireThrowsWhenTheLockIsHeld);
    CPPUNIT_TEST(testHoldersMetadataCannotWriteOnTheTerminal);
    CPPUNIT_TEST(testBadRequestsAreRefusedBeforeAnyRequest);
    CPPUNIT_TEST(testTtlThatDoesNotFitIsRefusedBeforeAnyRequest);
    CPPUNIT_TEST(testTtlOfTheOptionsIsTheStorages);
    CPPUNIT_TEST(testFenceIsGreaterThanItsFloor);
    CPPUNIT_TEST(testEachAcquisitionHasItsOwnToken);
    CPPUNIT_TEST(testConstructorsDoNotTouchTheStore);
    CPPUNIT_TEST(testServiceNeedsAStoreAndAPolicyThatWorks);
    CPPUNIT_TEST(testNoFailureOfTheSetUpIsRemembered);
    CPPUNIT_TEST(testManyThreadsPrepareTheStoreOnce);
    CPPUNIT_TEST(testThreadThatWaitsForTheSetUpCanBeCancelled);
    CPPUNIT_TEST(testThreadThatWaitsForTheSetUpGivesUpAtItsDeadline);
    CPPUNIT_TEST(testUsersOfAStoreForOneHostAreWarnedOnce);
    CPPUNIT_TEST(testWarningOfAStoreReachesTheObserverOnce);
    CPPUNIT_TEST(testPolicyThatTheStoreCannotKeepIsRefused);
    CPPUNIT_TEST(testCallIsTriedAgainAsThePolicySays);
    CPPUNIT_TEST(testLostAnswerIsRepairedByTheSameToken);
    CPPUNIT_TEST(testUnknownAcquireIsFollowedByOneReleaseAttempt);
    CPPUNIT_TEST(testOrphanIsTriedAgainUntilTheStoreAnswers);
    CPPUNIT_TEST(testOrphanGivesWayToARenewalAndIsTriedAgain);
    CPPUNIT_TEST(testOrphanIsReleasedBesideTheShortestLease);
    CPPUNIT_TEST(testAcquireThatNeverArrivedNeedsNoRelease);
    CPPUNIT_TEST(testGrantThatCameTooLateIsNone);
    CPPUNIT_TEST(testSpentTokenIsReplaced);
    CPPUNIT_TEST(testStoreThatCallsFreshTokensSpentIsAnError);
    CPPUNIT_TEST(testFindListBreakAndCheckAskTheStore);
    CPPUNIT_TEST(testHeldMessageSaysThatTheLockIsBroken);
    CPPUNIT_TEST(testBreakNowIsSentOnceAndABreakAtTheEndAgain);
    CPPUNIT_TEST(testCheckThrowsWhatIsWrong);
    CPPUNIT_TEST_SUITE_END();

    std::size_t allCalls() const
    {
        std::size_t sum = 0;
        for (std::size_t verb = 0; verb < storeVerbCount; ++verb)
            sum += faulty->calls(static_cast<StoreVerb>(verb));
        return sum;
    }

public:
    void testTryAcquireGivesTheLockOrTellsWhoHoldsIt()
    {
        auto locks = service();
        LockAttempt first = locks.tryAcquire("job", {.metadata = {{"host", "web-1"}}});
        CPPUNIT_ASSERT(first);
        CPPUNIT_ASSERT_EQUAL(std::string("job"), first->name());
        CPPUNIT_ASSERT_EQUAL(first->fence(), (*first).fence());
        LockAttempt second = locks.tryAcquire("job");
        CPPUNIT_ASSERT(!second);
        CPPUNIT_ASSERT_EQUAL(first->fence(), second.holder().fence);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1"})"), second.holder().metadata);
        assertNames(messageOf<LockAcquisitionError>([&] { return second->fence(); }), {"\"job\"", "LockAttempt"});
    }

    void testAcquireThrowsWhenTheLockIsHeld()
    {
        auto locks = service();
        auto lock = locks.acquire("job");
        assertNames(messageOf<LockAcquisitionError>([&] { auto other = locks.acquire("job"); }), {"\"job\"", "held by another"});
    }

    /// Guards against escape sequences in a message: another program may have written the metadata.
    void testHoldersMetadataCannotWriteOnTheTerminal()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.metadata = {{"host", "\x1b[2Jweb-1\n"},
                                                       {"user", "\xc2\x9b"
                                                                "31mr\xc3\xbc"}}});
        const auto message = messageOf<LockAcquisitionError>([&] { auto other = locks.acquire("job"); });
        assertNames(message, {"?[2Jweb-1?", "user ?31mr\xc3\xbc"});
        CPPUNIT_ASSERT(message.find('\x1b') == std::string::npos && message.find("\xc2\x9b") == std::string::npos);
    }

    void testBadRequestsAreRefusedBeforeAnyRequest()
    {
        auto locks = service();
        const auto refuse = [&](const std::string& name, const LockOptions& options, const std::string& allowed)
        { assertNames(messageOf<InvalidLockRequest>([&] { auto attempt = locks.tryAcquire(name, options); }), {allowed}); };
        refuse("", {}, "1 to 512 bytes");
        refuse(std::string(513, 'x'), {}, "1 to 512 bytes");
        refuse("a\nb", {}, "control characters");
        refuse("a\xff", {}, "UTF-8");
        refuse("job", {.ttl = 99ms}, "100ms to 24h");
        refuse("job", {.ttl = 24h + 1ms}, "100ms to 24h");
        refuse("job", {.wait = -1ms}, "or forever");
        refuse("job", {.maxHold = 0ms}, "1ms or more");
        refuse("job", {.fenceFloor = maxFence + 1}, "0 to ");
        messageOf<InvalidLockRequest>([&] { return locks.find(""); });
        messageOf<InvalidLockRequest>([&] { locks.list({.prefix = "\xff"}); });
        messageOf<InvalidLockRequest>([&] { locks.list({.limit = 0}); });
        messageOf<InvalidLockRequest>([&] { locks.list({.limit = 10'001}); });
        messageOf<InvalidLockRequest>([&] { return locks.breakLock(std::string(513, 'x'), 1); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, allCalls());
    }

    void testTtlThatDoesNotFitIsRefusedBeforeAnyRequest()
    {
        policy.lease.renewAfter = 10s;
        auto locks = service();
        const auto message = messageOf<InvalidLockRequest>([&] { auto attempt = locks.tryAcquire("job", {.ttl = 10s}); });
        assertNames(message, {"10s", "leasehold.policy.lease.renew_after", "10s", "less"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, allCalls());
    }

    void testTtlOfTheOptionsIsTheStorages()
    {
        auto locks = service();
        auto lock = locks.acquire("job", {.ttl = 60s});
        CPPUNIT_ASSERT_EQUAL(Milliseconds{60s}, memory->find("job", context())->ttl);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{54s}, lock.remaining());
    }

    void testFenceIsGreaterThanItsFloor()
    {
        auto locks = service();
        const auto now = std::chrono::system_clock::now() + 1h;
        const auto floor = static_cast<Fence>(std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
        CPPUNIT_ASSERT(locks.acquire("job", {.fenceFloor = floor}).fence() > floor);
    }

    void testEachAcquisitionHasItsOwnToken()
    {
        struct Witness : FaultyLockStore
        {
            using FaultyLockStore::FaultyLockStore;
            AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
            {
                tokens.insert(request.token);
                return FaultyLockStore::acquire(request, context);
            }
            std::set<std::string> tokens;
        };
        const auto witness = std::make_shared<Witness>(memory);
        LockManagerService locks(witness, policy, {.clock = clock, .observers = {observer}});
        for (int i = 0; i < 10; ++i)
            locks.withLock("job", [] {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{10}, witness->tokens.size());
        for (const auto& token : witness->tokens)
            CPPUNIT_ASSERT_EQUAL(std::size_t{32}, token.size());
    }

    void testConstructorsDoNotTouchTheStore()
    {
        {
            auto locks = service();
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, allCalls());
    }

    void testServiceNeedsAStoreAndAPolicyThatWorks()
    {
        assertNames(messageOf<LockConfigurationError>([] { LockManagerService locks(nullptr); }), {"store"});
        policy.lease.ttl = 99ms;
        assertNames(messageOf<LockConfigurationError>([&] { auto locks = service(); }), {"leasehold.policy.lease.ttl", "99ms"});
    }

    void testNoFailureOfTheSetUpIsRemembered()
    {
        auto locks = service();
        faulty->fail(StoreVerb::prepare, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 1);
        messageOf<LockStoreUnavailable>([&] { auto lock = locks.acquire("job"); });
        faulty->fail(StoreVerb::prepare, FaultyLockStore::Trouble::error, FaultyLockStore::When::before, 1);
        messageOf<LockStoreError>([&] { auto lock = locks.acquire("job"); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, faulty->calls(StoreVerb::acquire));
        auto lock = locks.acquire("job");
        locks.find("job");
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, faulty->calls(StoreVerb::prepare));
    }

    void testManyThreadsPrepareTheStoreOnce()
    {
        auto locks = service();
        store->close(StoreVerb::prepare);
        std::vector<std::future<void>> threads;
        for (int i = 0; i < 8; ++i)
            threads.push_back(std::async(std::launch::async, [&, i] { locks.withLock("job " + std::to_string(i), [] {}); }));
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::prepare));
        CPPUNIT_ASSERT(waitUntil([&] { return clock->waiting() == 8; })); // one thread is at the gate, the others are in line
        store->open(StoreVerb::prepare);
        for (auto& thread : threads)
            thread.get();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::prepare));
    }

    void testThreadThatWaitsForTheSetUpCanBeCancelled()
    {
        auto locks = service();
        store->close(StoreVerb::prepare);
        auto first = std::async(std::launch::async, [&] { locks.withLock("job", [] {}); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::prepare));
        std::stop_source cancel;
        auto second = std::async(std::launch::async, [&] { auto lock = locks.acquire("other", {.cancel = cancel.get_token()}); });
        CPPUNIT_ASSERT(waitUntil([&] { return clock->waiting() == 2; }));
        cancel.request_stop();
        messageOf<LockWaitCancelled>([&] { second.get(); });
        store->open(StoreVerb::prepare);
        first.get();
    }

    void testThreadThatWaitsForTheSetUpGivesUpAtItsDeadline()
    {
        auto locks = service();
        store->close(StoreVerb::prepare);
        auto first = std::async(std::launch::async, [&] { auto lock = locks.acquire("job"); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::prepare));
        auto second = std::async(std::launch::async, [&] { auto lock = locks.acquire("other"); });
        CPPUNIT_ASSERT(waitUntil([&] { return clock->waiting() == 2; }));
        clock->advance(6s);
        messageOf<LockStoreUnavailable>([&] { first.get(); });
        messageOf<LockStoreUnavailable>([&] { second.get(); });
    }

    void testUsersOfAStoreForOneHostAreWarnedOnce()
    {
        auto locks = service();
        locks.find("job");
        locks.check();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("storeOpened"));
        assertNames(observer->events().front(), {"storeOpened memory", "\"memory\" is not shared across hosts"});
    }

    void testWarningOfAStoreReachesTheObserverOnce()
    {
        struct WarningStore : MemoryLockStore
        {
            using MemoryLockStore::MemoryLockStore;
            StoreInfo info() const override
            {
                auto info = MemoryLockStore::info();
                info.sharedAcrossHosts = true;
                info.warning = "a node was left out";
                return info;
            }
        };
        LockManagerService locks(std::make_shared<WarningStore>(clock), policy, {.clock = clock, .observers = {observer}});
        locks.find("job");
        locks.check();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, observer->count("storeOpened"));
        CPPUNIT_ASSERT(observer->events().front().ends_with("] a node was left out"));
        CPPUNIT_ASSERT_EQUAL(std::string("a node was left out"), locks.check().store.warning);
    }

    void testPolicyThatTheStoreCannotKeepIsRefused()
    {
        policy.lease.safetyMargin = 0ms;
        auto locks = service();
        assertNames(messageOf<LockConfigurationError>([&] { auto lock = locks.acquire("job"); }),
                    {"leasehold.policy.lease.safety_margin", "memory", "1ms or more"});
        assertNames(messageOf<InvalidLockRequest>([&] { auto lock = locks.acquire("job", {.ttl = 20s}); }), {"safety_margin"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, faulty->calls(StoreVerb::acquire));
    }

    void testCallIsTriedAgainAsThePolicySays()
    {
        policy.retry = {3, std::make_shared<FixedBackoff>(0ms)};
        auto locks = service();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 2);
        auto lock = locks.acquire("job");
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, faulty->calls(StoreVerb::acquire));
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 3);
        messageOf<LockStoreUnavailable>([&] { lock.release(); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, faulty->calls(StoreVerb::release));
        faulty->fail(StoreVerb::find, FaultyLockStore::Trouble::error);
        messageOf<LockStoreError>([&] { return locks.find("job"); });
        CPPUNIT_ASSERT_EQUAL_MESSAGE("an error is not worth another try", std::size_t{1}, faulty->calls(StoreVerb::find));
    }

    void testLostAnswerIsRepairedByTheSameToken()
    {
        policy.retry = {2, std::make_shared<FixedBackoff>(0ms)};
        auto locks = service();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after, 1);
        auto lock = locks.acquire("job");
        CPPUNIT_ASSERT(lock.isHeld());
        CPPUNIT_ASSERT_EQUAL(memory->find("job", context())->fence, lock.fence());
    }

    void testUnknownAcquireIsFollowedByOneReleaseAttempt()
    {
        auto locks = service();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after, 1);
        messageOf<LockStoreUnavailable>([&] { auto lock = locks.acquire("job"); });
        clock->settle();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::release));
        auto lock = locks.acquire("job");
    }

    void testOrphanIsTriedAgainUntilTheStoreAnswers()
    {
        auto locks = service();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after, 1);
        faulty->fail(StoreVerb::release, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::before, 3);
        messageOf<LockStoreUnavailable>([&] { auto lock = locks.acquire("job"); });
        clock->settle();
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("not at once", std::size_t{1}, faulty->calls(StoreVerb::release));
        clock->advance(3s);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        clock->advance(30s);
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, faulty->calls(StoreVerb::release));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("it had no holder", std::size_t{0}, observer->count("releaseFailed"));
    }

    /// Guards against an orphan that was forgotten when its call was cancelled for a renewal.
    void testOrphanGivesWayToARenewalAndIsTriedAgain()
    {
        auto locks = service();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after, 1);
        store->close(StoreVerb::find);
        messageOf<LockStoreUnavailable>([&] { auto lock = locks.acquire("job"); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::find)); // the keeper hangs there for at most 5 s
        auto lock = locks.acquire("short", {.ttl = 300ms});
        for (int i = 0; i < 20; ++i)
        {
            clock->advance(100ms);
            CPPUNIT_ASSERT(lock.isHeld());
        }
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        store->open(StoreVerb::find);
        clock->advance(2s);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    /// Guards against orphans that wait for a gap between renewals, which a short TTL never leaves.
    void testOrphanIsReleasedBesideTheShortestLease()
    {
        auto locks = service();
        auto lock = locks.acquire("short", {.ttl = 100ms});
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::unavailable, FaultyLockStore::When::after, 1);
        messageOf<LockStoreUnavailable>([&] { auto orphan = locks.acquire("job"); });
        clock->advance(1s);
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT(lock.isHeld());
    }

    void testAcquireThatNeverArrivedNeedsNoRelease()
    {
        auto locks = service();
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::error, FaultyLockStore::When::before, 1);
        messageOf<LockStoreError>([&] { auto lock = locks.acquire("job"); });
        clock->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, faulty->calls(StoreVerb::release));
    }

    void testGrantThatCameTooLateIsNone()
    {
        auto locks = service();
        locks.find("job"); // prepares the store
        policy.lease.callTimeout = 5s;
        store->close(StoreVerb::acquire, GatedLockStore::Side::after);
        auto attempt = std::async(std::launch::async, [&] { auto lock = locks.acquire("job", {.ttl = 1s}); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire));
        clock->advance(295ms); // the call timeout is (1 s - 100 ms - 20 ms - 333 ms) / 2
        messageOf<LockStoreUnavailable>([&] { attempt.get(); });
        clock->settle();
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testSpentTokenIsReplaced()
    {
        std::size_t drawn = 0;
        const auto tokens = std::to_array<std::string>({"used", "fresh"});
        policy.token.draw = [&] { return tokens.at(drawn++); };
        auto reply = memory->acquire({"job", "used", 30s}, context());
        memory->release({"job", "used", reply.record.fence}, context());
        auto locks = service();
        auto lock = locks.acquire("job");
        CPPUNIT_ASSERT(lock.fence() > reply.record.fence);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, drawn);
    }

    void testStoreThatCallsFreshTokensSpentIsAnError()
    {
        policy.token.draw = [] { return std::string("always the same"); };
        auto locks = service();
        locks.withLock("job", [] {});
        assertNames(messageOf<LockStoreError>([&] { auto lock = locks.acquire("job"); }), {"spent", "LeaseRules"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, faulty->calls(StoreVerb::acquire));
    }

    void testHeldMessageSaysThatTheLockIsBroken()
    {
        auto locks = service();
        CPPUNIT_ASSERT(takeAsAnother("job"));
        CPPUNIT_ASSERT(messageOf<LockAcquisitionError>([&] { static_cast<void>(locks.acquire("job")); }).find("broken") ==
                       std::string::npos);
        CPPUNIT_ASSERT(locks.breakLock("job", memory->find("job", context())->fence, BreakMode::whenItEnds));
        assertNames(messageOf<LockAcquisitionError>([&] { static_cast<void>(locks.acquire("job")); }), {"elsewhere", "broken"});
    }

    void testFindListBreakAndCheckAskTheStore()
    {
        auto locks = service();
        auto lock = locks.acquire("job/1");
        auto other = locks.acquire("other");
        CPPUNIT_ASSERT_EQUAL(lock.fence(), locks.find("job/1")->fence);
        CPPUNIT_ASSERT(!locks.find("job/2"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, locks.list().size());
        CPPUNIT_ASSERT_EQUAL(std::string("job/1"), locks.list({.prefix = "job/"}).at(0).name);
        CPPUNIT_ASSERT(!locks.breakLock("job/1", lock.fence() + 1));
        CPPUNIT_ASSERT(locks.breakLock("job/1", lock.fence()));
        CPPUNIT_ASSERT_MESSAGE("nobody gets it before it ends", !locks.tryAcquire("job/1"));
        CPPUNIT_ASSERT(locks.breakLock("other", other.fence(), BreakMode::now));
        CPPUNIT_ASSERT(locks.tryAcquire("other"));
        const auto check = locks.check();
        CPPUNIT_ASSERT_EQUAL(std::string("memory"), check.store.type);
        CPPUNIT_ASSERT_EQUAL(std::chrono::nanoseconds{0}, check.roundTrip);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{30s}, locks.policy().lease.ttl);
    }

    void testBreakNowIsSentOnceAndABreakAtTheEndAgain()
    {
        policy.retry = {3, std::make_shared<FixedBackoff>(0ms)};
        auto locks = service();
        faulty->fail(StoreVerb::breakLock, FaultyLockStore::Trouble::unavailable);
        messageOf<LockStoreUnavailable>([&] { return locks.breakLock("job", 1, BreakMode::now); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, faulty->calls(StoreVerb::breakLock));
        messageOf<LockStoreUnavailable>([&] { return locks.breakLock("job", 1); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, faulty->calls(StoreVerb::breakLock));
    }

    void testCheckThrowsWhatIsWrong()
    {
        auto locks = service();
        locks.check();
        faulty->fail(StoreVerb::prepare, FaultyLockStore::Trouble::error);
        messageOf<LockStoreError>([&] { locks.check(); });
        faulty->clear();
        faulty->fail(StoreVerb::find, FaultyLockStore::Trouble::unavailable);
        messageOf<LockStoreUnavailable>([&] { locks.check(); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AcquireTest);
