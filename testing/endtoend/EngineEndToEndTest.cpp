#include "EndToEndSuite.h"

#include "warmEngine.h"

#include "Leasehold/FaultyProxy.h"
#include "Leasehold/History.h"
#include "Leasehold/StoreRegistry.h"
#include "Leasehold/registerBuiltinStores.h"
#include "Leasehold/sharedEngine.h"
#include "Leasehold/waitUntil.h"

#include <Poco/Exception.h>

#include <algorithm>

namespace Leasehold
{

using namespace std::chrono_literals;

/// On a real node, which is ours: it is stopped and killed.
class EngineEndToEndTest : public EndToEndSuite
{
    CPPUNIT_TEST_SUB_SUITE(EngineEndToEndTest, EndToEndSuite);
    CPPUNIT_TEST(testANodeThatIsDownIsToldWithItsAddressAndUsedAgainWhenItIsBack);
    CPPUNIT_TEST(testABadNetworkIsUnavailableWithinTheDeadlineAndNeverBusy);
    CPPUNIT_TEST(testAReplyThatIsLostAfterItTookEffectBlocksNobody);
    CPPUNIT_TEST(testAnIndexDeletedWhileLocksAreHeldIsToldAndGrantsNothingForATtl);
    CPPUNIT_TEST_SUITE_END_ABSTRACT();

public:
    void tearDown() override
    {
        // A test that failed halfway leaves the node as the next one needs it.
        try
        {
            node().resume();
            node().ask("DELETE", "/" + _index + "-1");
        }
        catch (const Poco::Exception&)
        {
            node().restart();
        }
        EndToEndSuite::tearDown();
    }

private:
    virtual EngineKind kind() const = 0;
    EngineNode& node() const { return sharedEngine(kind()); }

    std::string emptyStorage() override
    {
        static int tests = 0;
        warmEngine(kind());
        _index = "endtoend-" + std::to_string(++tests);
        return "elasticsearch+" + node().url() + "/" + _index + "?replicas=0";
    }

    std::size_t countTables() override
    {
        const auto reply = node().ask("GET", "/_cat/indices/" + _index + "*?h=index&expand_wildcards=all");
        CPPUNIT_ASSERT_EQUAL(200, reply.status);
        return static_cast<std::size_t>(std::count(reply.body.begin(), reply.body.end(), '\n'));
    }

    void freeze() override { node().stopHanging(); }
    void thaw() override { node().resume(); }
    int hangTrials() const override { return 20; }

    /// That no operation says anything but that the store is unavailable, and says it in time. `text` must stand in the message.
    static void assertUnavailable(LockManagerService& locks, const std::string& text)
    {
        const auto limit = locks.policy().lease.effectiveCallTimeout();
        const auto prepare = std::max<Milliseconds>(limit, 5s); // the first operation also sets up the store
        const auto began = hostTime();
        try
        {
            const auto attempt = locks.tryAcquire("another");
            CPPUNIT_FAIL(attempt ? "a lock was granted by a store that cannot be reached" : "an outage was answered as busy");
        }
        catch (const LockStoreUnavailable& error)
        {
            CPPUNIT_ASSERT_MESSAGE(error.message(), error.message().find(text) != std::string::npos);
        }
        const auto took = std::chrono::nanoseconds(hostTime() - began);
        // The deadline, and what a loaded machine may add.
        CPPUNIT_ASSERT_MESSAGE("it took " + formatDuration(std::chrono::ceil<Milliseconds>(took)), took <= prepare + limit + 1s);
        CPPUNIT_ASSERT_THROW(locks.withLock("another", [] { CPPUNIT_FAIL("the callback ran"); }), LockStoreUnavailable);
        CPPUNIT_ASSERT_THROW(locks.find("another"), LockStoreUnavailable);
    }

    /// What withLock returns once the node answers in time: a loaded machine may miss a deadline or two after an outage.
    static Fence fenceSoon(LockManagerService& locks, const std::string& name)
    {
        for (const auto end = hostTime() + 10'000'000'000;;)
        {
            try
            {
                return locks.withLock(name, [](const Lock& lock) { return lock.fence(); }, {.wait = 10s});
            }
            catch (const LockStoreUnavailable&)
            {
                if (hostTime() > end)
                    throw;
            }
        }
    }

    void testANodeThatIsDownIsToldWithItsAddressAndUsedAgainWhenItIsBack()
    {
        auto used = service(3s);
        auto fresh = service(3s);
        const auto fence = fenceSoon(used, "nightly");
        node().kill();
        const auto address = "127.0.0.1:" + std::to_string(node().port());
        assertUnavailable(used, address);
        assertUnavailable(fresh, address);
        node().restart();
        warmEngine(kind());
        // The next call works, also that of a service whose first one could not set up its store.
        CPPUNIT_ASSERT(fenceSoon(fresh, "nightly") > fence);
        fenceSoon(used, "nightly");
    }

    void testABadNetworkIsUnavailableWithinTheDeadlineAndNeverBusy()
    {
        FaultyProxy proxy(node().port(), 1);
        StoreRegistry registry;
        registerBuiltinStores(registry);
        const auto address = "127.0.0.1:" + std::to_string(proxy.port());
        const auto throughProxy = "elasticsearch+http://" + address + "/" + _index + "?replicas=0";
        LockManagerService used(registry.open(throughProxy), policy(3s), quiet());
        for (const auto fault : {ProxyFault::blackhole, ProxyFault::drip, ProxyFault::cut})
        {
            fenceSoon(used, "nightly");
            LockManagerService fresh(registry.open(throughProxy), policy(3s), quiet());
            proxy.set(fault);
            assertUnavailable(used, address);
            assertUnavailable(fresh, address);
            proxy.set(ProxyFault::none);
            // What the store could not be told of may still end late, but a call works at once.
            fenceSoon(fresh, std::string("after ") + toString(fault));
            fenceSoon(used, std::string("after ") + toString(fault));
        }
    }

    void testAReplyThatIsLostAfterItTookEffectBlocksNobody()
    {
        FaultyProxy proxy(node().port(), 7);
        StoreRegistry registry;
        registerBuiltinStores(registry);
        LockManagerService locks(
            registry.open("elasticsearch+http://127.0.0.1:" + std::to_string(proxy.port()) + "/" + _index + "?replicas=0"), policy(30s),
            quiet());
        locks.check();
        auto direct = service(30s);
        proxy.set(ProxyFault::dropReply);
        // A lease of 30 s: a lock whose grant was not heard of would be held for so long, were it not asked for again with its token.
        Fence last = 0;
        int rounds = 0;
        for (; proxy.droppedReplies() < 10; ++rounds)
        {
            CPPUNIT_ASSERT(rounds < 1000);
            try
            {
                auto lock = locks.acquire("nightly", {.wait = 10s});
                CPPUNIT_ASSERT(lock.fence() > last);
                last = lock.fence();
                lock.release();
            }
            catch (const LockStoreUnavailable&)
            {
                // Three replies in a row were dropped: its ghost is laid by the service.
            }
        }
        proxy.set(ProxyFault::none);
        auto lock = direct.acquire("nightly", {.wait = 10s});
        CPPUNIT_ASSERT(lock.fence() > last);
        lock.release();
    }

    void testAnIndexDeletedWhileLocksAreHeldIsToldAndGrantsNothingForATtl()
    {
        constexpr auto ttl = 3s;
        auto locks = service(ttl);
        auto lock = locks.acquire("nightly");
        const auto fence = lock.fence();
        CPPUNIT_ASSERT_EQUAL(200, node().ask("DELETE", "/" + _index + "-1").status);
        const auto deleted = hostTime();
        CPPUNIT_ASSERT(waitUntil([&] { return lock.lossToken().stop_requested(); }, 30s));
        CPPUNIT_ASSERT(!lock.isHeld());
        try
        {
            lock.release();
            CPPUNIT_FAIL("a lock that had been lost was released");
        }
        catch (const LockLostError& error)
        {
            CPPUNIT_ASSERT_MESSAGE(error.message(), error.reason() == LossReason::refused || error.reason() == LossReason::expired);
        }
        // Others may believe in leases that the index held: nobody is granted anything before the longest of them has ended.
        std::optional<Lock> next;
        CPPUNIT_ASSERT(waitUntil(
            [&]
            {
                try
                {
                    next.emplace(locks.acquire("nightly"));
                }
                catch (const LockStoreUnavailable&)
                {
                    return false;
                }
                catch (const LockAcquisitionError&)
                {
                    return false; // by a try of ours before, whose answer came too late
                }
                return true;
            },
            60s));
        CPPUNIT_ASSERT(std::chrono::nanoseconds(hostTime() - deleted) >= ttl);
        CPPUNIT_ASSERT(next->fence() > fence);
        next->release();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, countTables());
    }

    std::string _index;
};

class OpenSearch3EndToEndTest : public EngineEndToEndTest
{
    CPPUNIT_TEST_SUB_SUITE(OpenSearch3EndToEndTest, EngineEndToEndTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::openSearch3; }
};

class Elasticsearch7EndToEndTest : public EngineEndToEndTest
{
    CPPUNIT_TEST_SUB_SUITE(Elasticsearch7EndToEndTest, EngineEndToEndTest);
    CPPUNIT_TEST_SUITE_END();
    EngineKind kind() const override { return EngineKind::elasticsearch7; }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OpenSearch3EndToEndTest);
CPPUNIT_TEST_SUITE_REGISTRATION(Elasticsearch7EndToEndTest);

} // namespace Leasehold
