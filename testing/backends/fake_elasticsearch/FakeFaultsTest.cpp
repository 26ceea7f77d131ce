#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/FakeElasticsearchServer.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <future>
#include <initializer_list>
#include <vector>

using namespace std::chrono_literals;

namespace Leasehold
{

/// Each fault as seen through the real store and through the service.
class FakeFaultsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(FakeFaultsTest);
    CPPUNIT_TEST(testOverloadedNodeIsUnavailableNotBusy);
    CPPUNIT_TEST(testFullDiskIsNamed);
    CPPUNIT_TEST(testMissingPrimaryIsUnavailable);
    CPPUNIT_TEST(testConflictWithoutEndIsUnavailable);
    CPPUNIT_TEST(testRefusedCredentialsAreAnErrorWithTheirStatus);
    CPPUNIT_TEST(testMissingRightIsAnErrorWithTheEnginesType);
    CPPUNIT_TEST(testWriteBlockIsNamed);
    CPPUNIT_TEST(testProxysPageIsUnavailableWithItsStatus);
    CPPUNIT_TEST(testPageWithStatus200IsNoGrant);
    CPPUNIT_TEST(testMalformedJsonIsNoGrant);
    CPPUNIT_TEST(testTruncatedJsonIsNoGrant);
    CPPUNIT_TEST(testEmptyBodyIsNoGrant);
    CPPUNIT_TEST(testCutBodyIsNoGrant);
    CPPUNIT_TEST(testResetIsUnavailable);
    CPPUNIT_TEST(testHangEndsByTheDeadline);
    CPPUNIT_TEST(testDripEndsByTheDeadline);
    CPPUNIT_TEST(testRestartedServerKeepsItsData);
    CPPUNIT_TEST(testLostAnswerIsRecoveredByTheSameToken);
    CPPUNIT_TEST(testVanishedIndexStopsGrants);
    CPPUNIT_TEST(testDelayedAnswerIsAGrant);
    CPPUNIT_TEST(testHangingRequestGoesOnWhenTheFaultsAreCleared);
    CPPUNIT_TEST(testHangAfterEffectIsUnknownAndReleased);
    CPPUNIT_TEST(testHangAfterEffectIsAnsweredOnceFaultsAreCleared);
    CPPUNIT_TEST(testServerStopsAlthoughRequestsHang);
    CPPUNIT_TEST(testDripWithinTheDeadlineIsAGrant);
    CPPUNIT_TEST(testBadBulkItemFailsAlone);
    CPPUNIT_TEST(testNthRequestIsHit);
    CPPUNIT_TEST(testSameSeedHitsTheSameRequests);
    CPPUNIT_TEST(testRegisteredStoreSharesTheGivenServer);
    CPPUNIT_TEST(testRegisteredStoreHasAServerOfItsOwn);
    CPPUNIT_TEST_SUITE_END();

public:
    void testOverloadedNodeIsUnavailableNotBusy()
    {
        requireTrouble<LockStoreUnavailable>(FakeFault::overloaded(), {"429", "rejected_execution_exception"});
    }
    void testFullDiskIsNamed() { requireTrouble<LockStoreError>(FakeFault::diskFull(), {"429", "cluster_block_exception"}); }
    void testMissingPrimaryIsUnavailable()
    {
        requireTrouble<LockStoreUnavailable>(FakeFault::unavailable(), {"503", "unavailable_shards_exception"});
    }
    void testConflictWithoutEndIsUnavailable()
    {
        requireTrouble<LockStoreUnavailable>(FakeFault::conflict(), {"409", "version_conflict_engine_exception"});
    }
    void testRefusedCredentialsAreAnErrorWithTheirStatus()
    {
        requireTrouble<LockStoreError>(FakeFault::unauthorized(), {"401", "security_exception"});
    }
    void testMissingRightIsAnErrorWithTheEnginesType()
    {
        requireTrouble<LockStoreError>(FakeFault::forbidden(), {"403", "security_exception"});
    }
    void testWriteBlockIsNamed() { requireTrouble<LockStoreError>(FakeFault::blocked(), {"403", "cluster_block_exception"}); }
    void testProxysPageIsUnavailableWithItsStatus() { requireTrouble<LockStoreUnavailable>(FakeFault::html(), {"502", "text/html"}); }
    void testPageWithStatus200IsNoGrant() { requireTrouble<LockStoreError>(FakeFault::html(200), {"200", "text/html"}); }
    void testMalformedJsonIsNoGrant() { requireTrouble<LockStoreError>(FakeFault::malformedJson(), {"200"}); }
    void testTruncatedJsonIsNoGrant() { requireTrouble<LockStoreError>(FakeFault::truncatedJson(), {"200"}); }
    void testEmptyBodyIsNoGrant() { requireTrouble<LockStoreError>(FakeFault::emptyBody(), {"200"}); }
    void testCutBodyIsNoGrant() { requireTrouble<LockStoreUnavailable>(FakeFault::cut(), {}); }
    void testResetIsUnavailable() { requireTrouble<LockStoreUnavailable>(FakeFault::resetBefore(), {}); }
    void testHangEndsByTheDeadline() { requireTrouble<LockStoreUnavailable>(FakeFault::hang(), {}); }
    void testDripEndsByTheDeadline() { requireTrouble<LockStoreUnavailable>(FakeFault::drip(200ms), {}); }

    void testRestartedServerKeepsItsData()
    {
        const auto store = open();
        const auto granted = store->acquire({.name = "kept", .token = "t1", .ttl = 30s}, context());
        _server.stop();
        CPPUNIT_ASSERT_THROW(store->find("kept", CallContext::within(1s)), LockStoreUnavailable);
        _server.start();
        const auto found = open()->find("kept", context());
        CPPUNIT_ASSERT(found.has_value());
        CPPUNIT_ASSERT_EQUAL(granted.record.fence, found->fence);
    }

    void testLostAnswerIsRecoveredByTheSameToken()
    {
        auto locks = service();
        locks.check();
        _server.faults().next(FakeFault::resetAfter(), FakeRequest::acquire);
        const auto lock = locks.acquire("lost answer");
        CPPUNIT_ASSERT(lock.isHeld());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, _server.faults().injected());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, _server.requests(FakeRequest::acquire));
        CPPUNIT_ASSERT_EQUAL(lock.fence(), locks.find("lost answer").value().fence);
    }

    void testVanishedIndexStopsGrants()
    {
        const auto store = open();
        const auto granted = store->acquire({.name = "vanishes", .token = "t1", .ttl = 30s}, context());
        _server.faults().next(FakeFault::indexMissing(), FakeRequest::acquire);
        CPPUNIT_ASSERT_THROW(store->acquire({.name = "another", .token = "t2", .ttl = 30s}, context()), LockStoreUnavailable);
        CPPUNIT_ASSERT(granted.status == AcquireStatus::granted);
    }

    void testDelayedAnswerIsAGrant()
    {
        const auto store = open();
        _server.faults().next(FakeFault::delay(50ms), FakeRequest::acquire);
        const auto started = std::chrono::steady_clock::now();
        CPPUNIT_ASSERT(store->acquire({.name = "late", .token = "t", .ttl = 30s}, context()).status == AcquireStatus::granted);
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - started >= 50ms);
    }

    void testHangingRequestGoesOnWhenTheFaultsAreCleared()
    {
        const auto store = open();
        _server.faults().next(FakeFault::hang(), FakeRequest::acquire);
        auto attempt =
            std::async(std::launch::async, [&store] { return store->acquire({.name = "hangs", .token = "t", .ttl = 30s}, context()); });
        CPPUNIT_ASSERT(waitUntil([this] { return _server.faults().waiting() == 1; }, 20s));
        CPPUNIT_ASSERT(!open()->find("hangs", context()));
        _server.faults().clear();
        CPPUNIT_ASSERT(attempt.get().status == AcquireStatus::granted);
    }

    void testHangAfterEffectIsUnknownAndReleased()
    {
        const auto store = open();
        _server.faults().next(FakeFault::hangAfter(), FakeRequest::acquire);
        const AcquireRequest request{.name = "hangs", .token = "t", .ttl = 30s};
        std::stop_source givingUp;
        auto abandoned =
            std::async(std::launch::async, [&] { return store->acquire(request, CallContext::within(60s, givingUp.get_token())); });
        CPPUNIT_ASSERT(waitUntil([this] { return _server.faults().waiting() == 1; }, 20s));
        givingUp.request_stop();
        CPPUNIT_ASSERT_THROW(abandoned.get(), LockStoreUnavailable);
        CPPUNIT_ASSERT(store->find("hangs", context()).has_value());
        CPPUNIT_ASSERT(store->acquire(request, context()).status == AcquireStatus::granted);
    }

    void testHangAfterEffectIsAnsweredOnceFaultsAreCleared()
    {
        const auto store = open();
        _server.faults().next(FakeFault::hangAfter(), FakeRequest::acquire);
        auto attempt =
            std::async(std::launch::async, [&] { return store->acquire({.name = "late", .token = "t", .ttl = 30s}, context()); });
        CPPUNIT_ASSERT(waitUntil([this] { return _server.faults().waiting() == 1; }, 20s));
        CPPUNIT_ASSERT(open()->find("late", context()).has_value());
        _server.faults().clear();
        CPPUNIT_ASSERT(attempt.get().status == AcquireStatus::granted);
    }

    void testServerStopsAlthoughRequestsHang()
    {
        for (const auto& fault : {FakeFault::hang(), FakeFault::hangAfter(), FakeFault::drip(10s)})
        {
            const auto store = open();
            store->prepare(context());
            _server.faults().next(fault, FakeRequest::acquire);
            const auto before = _server.requests(FakeRequest::acquire);
            auto attempt = std::async(std::launch::async, [&]
                                      { return store->acquire({.name = "hangs", .token = "t", .ttl = 30s}, CallContext::within(60s)); });
            CPPUNIT_ASSERT(waitUntil([&] { return _server.requests(FakeRequest::acquire) > before; }, 20s));
            _server.stop();
            CPPUNIT_ASSERT_THROW(attempt.get(), LockStoreUnavailable);
            _server.start();
        }
    }

    void testDripWithinTheDeadlineIsAGrant()
    {
        const auto store = open();
        _server.faults().next(FakeFault::drip(0ms), FakeRequest::acquire);
        CPPUNIT_ASSERT(store->acquire({.name = "slow", .token = "t", .ttl = 30s}, context()).status == AcquireStatus::granted);
    }

    void testBadBulkItemFailsAlone()
    {
        const auto store = open();
        std::vector<RenewRequest> renewals;
        for (const char* name : {"a", "b", "c"})
        {
            const auto granted = store->acquire({.name = name, .token = "t", .ttl = 30s}, context());
            renewals.push_back({.lease = {.name = name, .token = "t", .fence = granted.record.fence}, .ttl = 30s});
        }
        _server.faults().next(FakeFault::overloaded().ofItem(1), FakeRequest::renew);
        const auto replies = store->renew(renewals, context());
        CPPUNIT_ASSERT(replies.at(0).status == RenewStatus::renewed);
        CPPUNIT_ASSERT(replies.at(1).status == RenewStatus::unavailable);
        CPPUNIT_ASSERT(replies.at(2).status == RenewStatus::renewed);
        requireParts(replies.at(1).reason, {"429", "rejected_execution_exception"});
    }

    void testNthRequestIsHit()
    {
        const auto store = open();
        _server.faults().nth(3, FakeFault::unavailable(), FakeRequest::find);
        store->find("x", context());
        store->find("x", context());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, _server.faults().injected());
        CPPUNIT_ASSERT_THROW(store->find("x", context()), LockStoreUnavailable);
        store->find("x", context());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, _server.faults().injected());
    }

    void testSameSeedHitsTheSameRequests()
    {
        const auto store = open();
        _server.faults().byChance(0.5, FakeFault::html(), FakeRequest::find);
        const auto hits = [&]
        {
            std::string hit;
            for (int i = 0; i < 40; ++i)
            {
                try
                {
                    store->find("x", context());
                    hit += '.';
                }
                catch (const LockStoreUnavailable&)
                {
                    hit += 'x';
                }
            }
            return hit;
        };
        _server.faults().seed(7);
        const auto first = hits();
        CPPUNIT_ASSERT_MESSAGE(first, first.find('x') != std::string::npos && first.find('.') != std::string::npos);
        _server.faults().seed(7);
        CPPUNIT_ASSERT_EQUAL(first, hits());
        _server.faults().seed(8);
        CPPUNIT_ASSERT(first != hits());
    }

    void testRegisteredStoreSharesTheGivenServer()
    {
        const auto server = std::make_shared<FakeElasticsearchServer>();
        StoreRegistry registry;
        registerFakeElasticsearchStore(registry, server);
        const auto one = registry.open("fake_elasticsearch:");
        const auto other = registry.open("fake_elasticsearch:");
        CPPUNIT_ASSERT(one->acquire({.name = "n", .token = "t", .ttl = 30s}, context()).status == AcquireStatus::granted);
        CPPUNIT_ASSERT(other->acquire({.name = "n", .token = "u", .ttl = 30s}, context()).status == AcquireStatus::held);
        server->advance(30s);
        CPPUNIT_ASSERT(other->acquire({.name = "n", .token = "u", .ttl = 30s}, context()).status == AcquireStatus::granted);
    }

    void testRegisteredStoreHasAServerOfItsOwn()
    {
        StoreRegistry registry;
        registerFakeElasticsearchStore(registry);
        const auto one = registry.open("fake_elasticsearch:");
        const auto other = registry.open("fake_elasticsearch:?index=mine");
        CPPUNIT_ASSERT(one->acquire({.name = "n", .token = "t", .ttl = 30s}, context()).status == AcquireStatus::granted);
        CPPUNIT_ASSERT(other->acquire({.name = "n", .token = "u", .ttl = 30s}, context()).status == AcquireStatus::granted);
    }

private:
    static CallContext context() { return CallContext::within(20s); }

    std::shared_ptr<LockStore> open()
    {
        ElasticsearchOptions options;
        options.nodes = {_server.url()};
        options.replicas = 0;
        const auto store = std::make_shared<ElasticsearchLockStore>(std::move(options));
        store->prepare(context());
        return store;
    }

    LockManagerService service(Milliseconds callTimeout = 5s)
    {
        LockPolicy policy;
        policy.lease.callTimeout = callTimeout;
        policy.retry.backoff = std::make_shared<FixedBackoff>(1ms);
        return LockManagerService(open(), policy, {.observers = {std::make_shared<LockObserver>()}});
    }

    static void requireParts(const std::string& message, std::initializer_list<const char*> parts)
    {
        for (const auto* part : parts)
            CPPUNIT_ASSERT_MESSAGE("\"" + std::string(part) + "\" is missing: " + message, message.find(part) != std::string::npos);
    }

    /// With this fault of every acquire the service throws this Error by its deadline, with the address and the parts in its message. When
    /// the fault is gone, the next call works.
    template <typename Error>
    void requireTrouble(const FakeFault& fault, std::initializer_list<const char*> parts)
    {
        auto locks = service(1s);
        locks.check();
        _server.faults().always(fault, FakeRequest::acquire);
        const auto started = std::chrono::steady_clock::now();
        try
        {
            const auto attempt = locks.tryAcquire("troubled");
            CPPUNIT_FAIL(attempt ? "granted by a server in trouble" : "trouble was called busy");
        }
        catch (const Error& error)
        {
            requireParts(error.what(), {"127.0.0.1"});
            requireParts(error.what(), parts);
        }
        // Three attempts of one second, and time for a loaded machine; an endless wait would exceed it.
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - started < 20s);
        CPPUNIT_ASSERT(_server.faults().injected() >= 1);
        _server.faults().clear();
        CPPUNIT_ASSERT(locks.acquire("after the trouble").isHeld());
    }

    FakeElasticsearchServer _server{{.clock = TimeSource::system()}};
};

CPPUNIT_TEST_SUITE_REGISTRATION(FakeFaultsTest);

} // namespace Leasehold
