#include "HearingStore.h"
#include "ServiceFixture.h"
#include "thrown.h"

#include <future>

using namespace Leasehold;
using namespace std::chrono_literals;

/// Tests GatedLockStore and FaultyLockStore.
class SupportStoresTest : public CppUnit::TestFixture, private ServiceFixture
{
    CPPUNIT_TEST_SUITE(SupportStoresTest);
    CPPUNIT_TEST(testInnerStoreAnswersWithoutFaultsAndGates);
    CPPUNIT_TEST(testFaultBeforeStopsTheCall);
    CPPUNIT_TEST(testFaultAfterLosesOnlyTheAnswer);
    CPPUNIT_TEST(testFaultLastsForItsCountOfCalls);
    CPPUNIT_TEST(testEveryVerbHasItsOwnFaultAndItsOwnCount);
    CPPUNIT_TEST(testRenewalsAreAnsweredItemByItem);
    CPPUNIT_TEST(testTooFewRenewalRepliesAreDetected);
    CPPUNIT_TEST(testCallWaitsAtClosedGateUntilItOpens);
    CPPUNIT_TEST(testGateAfterTheCallHoldsItsAnswer);
    CPPUNIT_TEST(testGateLetsCallsPassInOrderOfArrival);
    CPPUNIT_TEST(testCallAtGateEndsAtDeadlineOrCancellation);
    CPPUNIT_TEST(testFeedIsThatOfTheInnerStore);
    CPPUNIT_TEST_SUITE_END();

    static constexpr auto unavailable = FaultyLockStore::Trouble::unavailable;
    using When = FaultyLockStore::When;

    AcquireReply take(LockStore& of, const std::string& name, const std::string& token = "token") const
    {
        return of.acquire({name, token, 30s, "{}", 0}, context());
    }

    /// Passes a call of each verb to `use`.
    template <typename Use>
    void eachVerb(Use use)
    {
        use(StoreVerb::prepare, [this] { store->prepare(context()); });
        use(StoreVerb::acquire, [this] { take(*store, "job"); });
        use(StoreVerb::renew, [this] { store->renew({}, context()); });
        use(StoreVerb::release, [this] { store->release({"job", "token", 1}, context()); });
        use(StoreVerb::find, [this] { store->find("job", context()); });
        use(StoreVerb::list, [this] { store->list({}, context()); });
        use(StoreVerb::breakLock, [this] { store->breakLock("job", 1, BreakMode::now, context()); });
        use(StoreVerb::prune, [this] { store->prune(1h, context()); });
    }

    std::future<AcquireReply> taking(const std::string& name, std::stop_token cancel = {})
    {
        return std::async(std::launch::async,
                          [this, name, cancel] {
                              return store->acquire({name, "token", 30s, "{}", 0}, {*clock, clock->now() + 5s, cancel});
                          });
    }

public:
    void testInnerStoreAnswersWithoutFaultsAndGates()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("memory"), store->info().type);
        const auto granted = take(*store, "job");
        CPPUNIT_ASSERT(granted.status == AcquireStatus::granted);
        CPPUNIT_ASSERT(store->find("job", context()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store->list({}, context()).size());
        const RenewRequest renewal{{"job", "token", granted.record.fence}, 30s};
        CPPUNIT_ASSERT(store->renew({&renewal, 1}, context()).at(0).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(store->release(renewal.lease, context()).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(!store->breakLock("job", granted.record.fence, BreakMode::now, context()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, store->prune(1h, context()));
        CPPUNIT_ASSERT(!store->letOneGo(StoreVerb::acquire));
    }

    void testFaultBeforeStopsTheCall()
    {
        faulty->fail(StoreVerb::acquire, unavailable);
        assertNames(messageOf<LockStoreUnavailable>([&] { take(*faulty, "job"); }), {"before the call reached the storage"});
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
    }

    void testFaultAfterLosesOnlyTheAnswer()
    {
        faulty->fail(StoreVerb::acquire, FaultyLockStore::Trouble::error, When::after);
        assertNames(messageOf<LockStoreError>([&] { take(*faulty, "job"); }), {"after the call took effect"});
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        faulty->fail(StoreVerb::prepare, unavailable, When::after);
        messageOf<LockStoreUnavailable>([&] { faulty->prepare(context()); });
    }

    void testFaultLastsForItsCountOfCalls()
    {
        faulty->fail(StoreVerb::find, unavailable, When::before, 2);
        messageOf<LockStoreUnavailable>([&] { faulty->find("job", context()); });
        faulty->fail(StoreVerb::find, FaultyLockStore::Trouble::error, When::before, 1);
        messageOf<LockStoreError>([&] { faulty->find("job", context()); });
        faulty->find("job", context());
        faulty->fail(StoreVerb::find, unavailable);
        faulty->fail(StoreVerb::list, unavailable);
        faulty->clear(StoreVerb::find);
        faulty->find("job", context());
        messageOf<LockStoreUnavailable>([&] { faulty->list({}, context()); });
        faulty->clear();
        faulty->list({}, context());
    }

    void testEveryVerbHasItsOwnFaultAndItsOwnCount()
    {
        eachVerb(
            [&](StoreVerb verb, auto call)
            {
                const auto before = faulty->calls(verb);
                faulty->fail(verb, unavailable, When::before, 1);
                messageOf<LockStoreUnavailable>(call);
                call();
                CPPUNIT_ASSERT_EQUAL_MESSAGE("failed ones count too", before + 2, faulty->calls(verb));
            });
        std::size_t all = 0;
        eachVerb([&](StoreVerb verb, auto) { all += faulty->calls(verb); });
        CPPUNIT_ASSERT_EQUAL(2 * storeVerbCount, all);
    }

    void testRenewalsAreAnsweredItemByItem()
    {
        const auto first = take(*memory, "first").record.fence, second = take(*memory, "second").record.fence;
        const std::vector<RenewRequest> both = {{{"first", "token", first}, 30s}, {{"second", "token", second}, 30s}};
        clock->advance(10s);
        for (const auto status : {RenewStatus::lost, RenewStatus::unavailable, RenewStatus::failed})
        {
            faulty->answerRenewals(status, 1, "first");
            const auto replies = faulty->renew(both, context());
            CPPUNIT_ASSERT(replies.at(0).status == status);
            CPPUNIT_ASSERT_EQUAL(status == RenewStatus::lost, replies.at(0).reason.empty());
            CPPUNIT_ASSERT(replies.at(1).status == RenewStatus::renewed);
        }
        CPPUNIT_ASSERT_EQUAL(Milliseconds{20s}, memory->find("first", context())->remaining);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{30s}, memory->find("second", context())->remaining);
        faulty->answerRenewals(RenewStatus::renewed);
        CPPUNIT_ASSERT_MESSAGE("it lies", faulty->renew(both, context()).at(0).status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{20s}, memory->find("first", context())->remaining);
        faulty->clear(StoreVerb::renew);
        faulty->renew(both, context());
        CPPUNIT_ASSERT_EQUAL(Milliseconds{30s}, memory->find("first", context())->remaining);
    }

    void testTooFewRenewalRepliesAreDetected()
    {
        struct Short : FaultyLockStore
        {
            using FaultyLockStore::FaultyLockStore;
            std::vector<RenewReply> renew(std::span<const RenewRequest>, const CallContext&) override { return {}; }
        };
        FaultyLockStore around(std::make_shared<Short>(memory));
        const std::vector<RenewRequest> both = {{{"first", "token", 1}, 30s}, {{"second", "token", 1}, 30s}};
        around.answerRenewals(RenewStatus::lost, 1, "first");
        assertNames(messageOf<std::logic_error>([&] { around.renew(both, context()); }), {"another number of renewals"});
    }

    void testCallWaitsAtClosedGateUntilItOpens()
    {
        store->close(StoreVerb::acquire);
        CPPUNIT_ASSERT_MESSAGE("nobody came", !store->waitForArrival(StoreVerb::acquire, 1, 1ms));
        auto call = taking("job");
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire));
        CPPUNIT_ASSERT(!isHeldInStorage("job"));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("other verbs go on", std::size_t{0}, store->list({}, context()).size());
        store->open(StoreVerb::acquire);
        CPPUNIT_ASSERT(call.get().status == AcquireStatus::granted);
        take(*store, "other"); // later calls pass too
    }

    void testGateAfterTheCallHoldsItsAnswer()
    {
        store->close(StoreVerb::acquire, GatedLockStore::Side::after);
        auto call = taking("job");
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire));
        CPPUNIT_ASSERT(isHeldInStorage("job"));
        store->open(StoreVerb::acquire);
        CPPUNIT_ASSERT(call.get().status == AcquireStatus::granted);
        store->close(StoreVerb::prepare, GatedLockStore::Side::after);
        auto preparing = std::async(std::launch::async, [this] { store->prepare(context()); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::prepare));
        store->open(StoreVerb::prepare);
        preparing.get();
    }

    void testGateLetsCallsPassInOrderOfArrival()
    {
        store->close(StoreVerb::acquire);
        auto first = taking("job");
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire, 1));
        auto second = std::async(std::launch::async, [this] { return take(*store, "job", "another token"); });
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire, 2));
        CPPUNIT_ASSERT(store->letOneGo(StoreVerb::acquire));
        CPPUNIT_ASSERT(first.get().status == AcquireStatus::granted);
        CPPUNIT_ASSERT(second.wait_for(0s) == std::future_status::timeout);
        CPPUNIT_ASSERT(store->letOneGo(StoreVerb::acquire));
        CPPUNIT_ASSERT(second.get().status == AcquireStatus::held);
        CPPUNIT_ASSERT(!store->letOneGo(StoreVerb::acquire));
    }

    void testCallAtGateEndsAtDeadlineOrCancellation()
    {
        store->close(StoreVerb::acquire);
        std::stop_source cancel;
        auto cancelled = taking("first", cancel.get_token()), late = taking("second");
        CPPUNIT_ASSERT(store->waitForArrival(StoreVerb::acquire, 2));
        awaitRest(2);
        cancel.request_stop();
        assertNames(messageOf<LockStoreUnavailable>([&] { cancelled.get(); }), {"gate", "cancelled"});
        clock->advance(5s);
        messageOf<LockStoreUnavailable>([&] { late.get(); });
        CPPUNIT_ASSERT(!isHeldInStorage("first"));
        CPPUNIT_ASSERT(!isHeldInStorage("second"));
    }

    void testFeedIsThatOfTheInnerStore()
    {
        struct Unused : ReleaseSink
        {
            void watching(const std::string&) override {}
            void mayBeFree(const std::string&) override {}
            void lost(std::span<const LeaseRef>) override {}
            void deaf(const std::string&) override {}
        } sink;
        const auto hearing = std::make_shared<HearingStore>(memory);
        const auto between = std::make_shared<FaultyLockStore>(hearing);
        const auto feed = GatedLockStore(between, clock).releaseFeed(sink);
        CPPUNIT_ASSERT(feed);
        CPPUNIT_ASSERT(hearing->sink == &sink);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SupportStoresTest);
