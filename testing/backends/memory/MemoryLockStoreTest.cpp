#include "Leasehold/MemoryLockStore.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/LockManagerService.h"
#include "Leasehold/ManualClock.h"
#include "Leasehold/Store/StoreRegistry.h"

#include <Poco/AutoPtr.h>
#include <Poco/Util/MapConfiguration.h>
#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

using namespace Leasehold;
using namespace std::chrono_literals;

/// Tests of this store only: its clocks, its pages, and calls past their deadline.
class MemoryLockStoreTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(MemoryLockStoreTest);
    CPPUNIT_TEST(testExpiryUsesTheClockAndShownTimesTheWallClock);
    CPPUNIT_TEST(testFencesAreAnchoredInTheWall);
    CPPUNIT_TEST(testWithoutParametersTheClocksAreTheSystems);
    CPPUNIT_TEST(testCallPastDeadlineIsRefusedAndChangesNothing);
    CPPUNIT_TEST(testCancelledCallIsRefusedAndChangesNothing);
    CPPUNIT_TEST(testCallWithBusyNameEndsAtItsDeadline);
    CPPUNIT_TEST(testRefusedAcquireLeavesNoRecord);
    CPPUNIT_TEST(testPruneForgetsAThousandAtATimeUntilNoneIsLeft);
    CPPUNIT_TEST(testPruneKeepsLiveLocks);
    CPPUNIT_TEST(testPageOfTheListIsTheFirstByName);
    CPPUNIT_TEST(testServicesThatShareAStoreExcludeEachOther);
    CPPUNIT_TEST(testTypeMemoryHasNoKeys);
    CPPUNIT_TEST_SUITE_END();

    std::shared_ptr<ManualClock> _clock = std::make_shared<ManualClock>();
    std::atomic<std::int64_t> _wall{1'800'000'000'000'000};
    std::shared_ptr<MemoryLockStore> _store = std::make_shared<MemoryLockStore>(_clock, [this] { return _wall.load(); });

    CallContext context() const { return {*_clock, _clock->now() + 5s}; }

    AcquireReply acquire(const std::string& name, Milliseconds ttl = 30s) { return _store->acquire({name, "token", ttl}, context()); }

    void release(const std::string& name, Fence fence)
    {
        CPPUNIT_ASSERT(_store->release({name, "token", fence}, context()).status == ReleaseStatus::released);
    }

    void pass(Milliseconds span)
    {
        _clock->advance(span);
        _wall += std::chrono::microseconds(span).count();
    }

    static std::string refusalOf(const std::function<void()>& call)
    {
        try
        {
            call();
        }
        catch (const LockStoreUnavailable& error)
        {
            return error.what();
        }
        CPPUNIT_FAIL("it was answered");
        return {};
    }

    static void assertContains(const std::string& message, const std::string& part)
    {
        CPPUNIT_ASSERT_MESSAGE("\"" + part + "\" is missing in: " + message, message.find(part) != std::string::npos);
    }

    /// Asserts that every verb is refused with this reason in such a context.
    void assertAllRefused(const CallContext& context, const std::string& why)
    {
        const auto fence = acquire("job").record.fence;
        const RenewRequest renewal{{"job", "token", fence}, 60s};
        pass(10s);
        for (const std::function<void()>& call :
             std::initializer_list<std::function<void()>>{
                 [&] { _store->prepare(context); },
                 [&] {
                     _store->acquire({"other", "token", 30s}, context);
                 },
                 [&] {
                     _store->renew({&renewal, 1}, context);
                 },
                 [&] { _store->release(renewal.lease, context); },
                 [&] { _store->find("job", context); },
                 [&] { _store->list({}, context); },
                 [&] { _store->breakLock("job", fence, BreakMode::now, context); },
                 [&] { _store->prune(1h, context); },
             })
            assertContains(refusalOf(call), why);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{20s}, _store->find("job", this->context())->remaining);
        CPPUNIT_ASSERT(!_store->find("other", this->context()));
    }

public:
    void testExpiryUsesTheClockAndShownTimesTheWallClock()
    {
        const auto granted = acquire("job").record;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'800'000'000'000}, granted.acquiredAt.time_since_epoch().count());
        CPPUNIT_ASSERT(granted.expiresAt - granted.acquiredAt == 30s);
        _wall += std::chrono::microseconds(24h).count();
        CPPUNIT_ASSERT_MESSAGE("a step of the wall ends nothing", _store->find("job", context()));
        _clock->advance(30s - 1ms);
        CPPUNIT_ASSERT_EQUAL(Milliseconds{1}, _store->find("job", context())->remaining);
        _clock->advance(1ms);
        CPPUNIT_ASSERT(!_store->find("job", context()));
    }

    void testFencesAreAnchoredInTheWall()
    {
        const auto first = acquire("job").record.fence;
        CPPUNIT_ASSERT_EQUAL(Fence{1'800'000'000'000'000}, first);
        release("job", first);
        _wall -= 1'000'000;
        CPPUNIT_ASSERT_EQUAL_MESSAGE("it grows all the same", first + 1, _store->acquire({"job", "second", 30s}, context()).record.fence);
    }

    void testWithoutParametersTheClocksAreTheSystems()
    {
        MemoryLockStore plain;
        const auto before = std::chrono::system_clock::now();
        const auto granted = plain.acquire({"job", "token", 30s}, CallContext::within(5s)).record;
        CPPUNIT_ASSERT(granted.acquiredAt >= std::chrono::floor<Milliseconds>(before) - 1ms);
        CPPUNIT_ASSERT(granted.acquiredAt <= std::chrono::system_clock::now() + 1ms);
        CPPUNIT_ASSERT(plain.find("job", CallContext::within(5s))->remaining <= 30s);
        CPPUNIT_ASSERT(!plain.info().durable);
        CPPUNIT_ASSERT(!plain.info().sharedAcrossHosts);
    }

    void testCallPastDeadlineIsRefusedAndChangesNothing()
    {
        assertAllRefused({*_clock, _clock->now() + 10s}, "the deadline of the call has passed");
    }

    void testCancelledCallIsRefusedAndChangesNothing()
    {
        std::stop_source stop;
        stop.request_stop();
        assertAllRefused({*_clock, LocalTime::max(), stop.get_token()}, "the call was cancelled");
    }

    /// A thread that stops inside a step of the store, like one that the system does not schedule.
    void testCallWithBusyNameEndsAtItsDeadline()
    {
        std::promise<void> entered, go;
        std::atomic<bool> first{true};
        const auto gone = go.get_future().share();
        MemoryLockStore busy({},
                             [&]
                             {
                                 if (first.exchange(false))
                                 {
                                     entered.set_value();
                                     gone.wait();
                                 }
                                 return std::int64_t{1'800'000'000'000'000};
                             });
        auto standing = std::async(std::launch::async, [&] { return busy.acquire({"job", "token", 30s}, CallContext::within(1min)); });
        entered.get_future().wait();
        const auto soon = [] { return CallContext::within(5ms); };
        assertContains(refusalOf(
                           [&] {
                               busy.acquire({"job", "another", 30s}, soon());
                           }),
                       "acquire lock \"job\": other threads kept it busy");
        assertContains(refusalOf([&] { busy.find("job", soon()); }), "busy until the deadline");
        assertContains(refusalOf([&] { busy.list({}, soon()); }), "list its locks");
        const RenewRequest renewal{{"job", "token", 1}, 30s};
        const auto reply = busy.renew({&renewal, 1}, soon()).at(0);
        CPPUNIT_ASSERT_MESSAGE("trouble of this item alone", reply.status == RenewStatus::unavailable);
        assertContains(reply.reason, "busy");
        CPPUNIT_ASSERT_EQUAL_MESSAGE("a smaller page", std::size_t{0}, busy.prune(1h, soon()));
        int others = 0;
        for (int i = 0; i < 10; ++i)
            try
            {
                busy.acquire({"other " + std::to_string(i), "token", 30s}, soon());
                ++others;
            }
            catch (const LockStoreUnavailable&) // NOLINT(bugprone-empty-catch): its name is in the same shard
            {
            }
        CPPUNIT_ASSERT_MESSAGE("names in other parts do not wait", others > 5);
        go.set_value();
        CPPUNIT_ASSERT(standing.get().status == AcquireStatus::granted);
    }

    void testRefusedAcquireLeavesNoRecord()
    {
        _wall = static_cast<std::int64_t>(maxFence) + 1;
        try
        {
            acquire("job");
            CPPUNIT_FAIL("a fence above the greatest was granted");
        }
        catch (const LockStoreError&)
        {
            CPPUNIT_ASSERT(!_store->find("job", context()));
        }
        _wall = 1'800'000'000'000'000;
        CPPUNIT_ASSERT_EQUAL(Fence{1'800'000'000'000'000}, acquire("job").record.fence);
    }

    void testPruneForgetsAThousandAtATimeUntilNoneIsLeft()
    {
        for (int i = 0; i < 2500; ++i)
        {
            const auto name = "lock " + std::to_string(i);
            release(name, acquire(name).record.fence);
        }
        CPPUNIT_ASSERT_EQUAL_MESSAGE("not yet", std::size_t{0}, _store->prune(1h, context()));
        pass(1h + 1s);
        for (const std::size_t expected : {1000, 1000, 500, 0})
            CPPUNIT_ASSERT_EQUAL(expected, _store->prune(1h, context()));
    }

    void testPruneKeepsLiveLocks()
    {
        const auto dead = acquire("dead").record.fence;
        release("dead", dead);
        acquire("expired", 1s);
        acquire("living", 24h);
        pass(2h);
        acquire("fresh");
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, _store->prune(1h, context()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, _store->list({}, context()).size());
        _wall = static_cast<std::int64_t>(dead) - 5; // the wall clock steps back by more than the retention
        CPPUNIT_ASSERT_MESSAGE("which is why the retention must exceed any step of it", acquire("dead").record.fence < dead);
    }

    void testPageOfTheListIsTheFirstByName()
    {
        std::set<std::string> names;
        for (int i = 0; i < 300; ++i)
            names.insert((i % 3 == 0 ? "a/" : "b/") + std::to_string(i * 7919 % 1000));
        for (const auto& name : names)
            acquire(name);
        std::vector<std::string> listed;
        for (ListQuery query{.prefix = "b/", .limit = 7};;)
        {
            const auto page = _store->list(query, context());
            for (const auto& record : page)
                listed.push_back(record.name);
            if (page.size() < query.limit)
                break;
            query.after = page.back().name;
        }
        const std::vector<std::string> expected(names.lower_bound("b/"), names.end());
        CPPUNIT_ASSERT(expected == listed);
        CPPUNIT_ASSERT(_store->list({.limit = 0}, context()).empty());
    }

    void testServicesThatShareAStoreExcludeEachOther()
    {
        LockManagerService first(_store, {}, {.clock = _clock}), second(_store, {}, {.clock = _clock});
        auto lock = first.acquire("job");
        CPPUNIT_ASSERT(!second.tryAcquire("job"));
        CPPUNIT_ASSERT(!LockManagerService(std::make_shared<MemoryLockStore>(_clock), {}, {.clock = _clock}).find("job"));
        lock.release();
        CPPUNIT_ASSERT(second.tryAcquire("job"));
    }

    void testTypeMemoryHasNoKeys()
    {
        StoreRegistry registry;
        registerMemoryStore(registry);
        CPPUNIT_ASSERT_EQUAL(std::string("memory"), registry.open("memory:")->info().type);
        Poco::AutoPtr<Poco::Util::MapConfiguration> configuration(new Poco::Util::MapConfiguration);
        configuration->setString("leasehold.store.type", "memory");
        CPPUNIT_ASSERT(registry.create(*configuration));
        configuration->setString("leasehold.store.memory.size", "10");
        try
        {
            registry.create(*configuration);
            CPPUNIT_FAIL("an unknown key was taken");
        }
        catch (const LockConfigurationError& error)
        {
            assertContains(error.what(), "leasehold.store.memory.size");
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MemoryLockStoreTest);
