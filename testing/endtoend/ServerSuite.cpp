#include "ServerSuite.h"

#include "Leasehold/FaultyProxy.h"
#include "Leasehold/History.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <future>
#include <optional>

namespace Leasehold
{

using namespace std::chrono_literals;

namespace
{

/// Asserts that every operation reports in time that the store is unavailable. `text` must be in the message. The operations run at once,
/// because each of them takes a deadline.
void assertUnavailable(LockManagerService& locks, const std::string& text)
{
    auto locked =
        std::async(std::launch::async, [&]
                   { CPPUNIT_ASSERT_THROW(locks.withLock("a third", [] { CPPUNIT_FAIL("the callback ran"); }), LockStoreUnavailable); });
    auto found = std::async(std::launch::async, [&] { CPPUNIT_ASSERT_THROW(locks.find("another"), LockStoreUnavailable); });
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
    // The deadline, and the delay of a loaded machine.
    CPPUNIT_ASSERT_MESSAGE("it took " + formatDuration(std::chrono::ceil<Milliseconds>(took)), took <= prepare + limit + 1s);
    locked.get();
    found.get();
}

/// The same for several services at once, because each of them takes a deadline per outage.
void assertUnavailable(const std::vector<LockManagerService*>& services, const std::string& text)
{
    std::vector<std::future<void>> asked;
    for (auto* const locks : services)
        asked.push_back(std::async(std::launch::async, [=] { assertUnavailable(*locks, text); }));
    for (auto& one : asked)
        one.get();
}

/// The result of withLock, with retries: after an outage a loaded machine may miss some deadlines.
Fence fenceSoon(LockManagerService& locks, const std::string& name)
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

} // namespace

void ServerSuite::testServerThatIsDownIsNamedAndUsedWhenItIsBack()
{
    auto used = service(3s);
    auto fresh = service(3s);
    const auto fence = fenceSoon(used, "nightly");
    server().kill();
    const auto address = "127.0.0.1:" + std::to_string(server().port());
    assertUnavailable({&used, &fresh}, address);
    server().restart();
    // The next call succeeds, also for a service whose first call could not set up the store.
    CPPUNIT_ASSERT(fenceSoon(fresh, "nightly") > fence);
    fenceSoon(used, "nightly");
}

void ServerSuite::testBadNetworkIsUnavailableInTimeAndNeverBusy()
{
    FaultyProxy proxy(server().port(), 1);
    const auto address = "127.0.0.1:" + std::to_string(proxy.port());
    const auto throughProxy = server().urlThrough(proxy.port());
    auto used = service(3s, throughProxy);
    for (const auto fault : {ProxyFault::blackhole, ProxyFault::drip, ProxyFault::cut})
    {
        fenceSoon(used, "nightly");
        auto fresh = service(3s, throughProxy);
        proxy.set(fault);
        assertUnavailable({&used, &fresh}, address);
        proxy.set(ProxyFault::none);
        // Requests that were cut off may take effect late, but the next call succeeds at once.
        fenceSoon(fresh, std::string("after ") + toString(fault));
        fenceSoon(used, std::string("after ") + toString(fault));
    }
}

void ServerSuite::testLostReplyOfAGrantBlocksNobody()
{
    FaultyProxy proxy(server().port(), 7);
    auto locks = service(30s, server().urlThrough(proxy.port()));
    locks.check();
    auto direct = service(30s);
    proxy.set(ProxyFault::dropReply);
    // The TTL is 30 s: if a grant's answer is lost, the lock stays held for so long unless the service asks again with the same token.
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
            // Three replies in a row were dropped. The service releases the lock that it may have been granted.
        }
    }
    proxy.set(ProxyFault::none);
    auto lock = direct.acquire("nightly", {.wait = 10s});
    CPPUNIT_ASSERT(lock.fence() > last);
    lock.release();
}

void ServerSuite::testDeletedStorageLosesLocksAndGrantsNothingForATtl()
{
    constexpr auto ttl = 3s;
    auto locks = service(ttl);
    auto lock = locks.acquire("nightly");
    const auto fence = lock.fence();
    const auto before = hostTime(); // the store may notice the loss before deleteStorage returns
    server().deleteStorage();
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
    // Other processes may still rely on leases of the lost storage, so nothing is granted before the longest of them has ended.
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
                return false; // an earlier attempt of ours holds it; its answer came too late
            }
            return true;
        },
        60s));
    CPPUNIT_ASSERT(std::chrono::nanoseconds(hostTime() - before) > ttl - 1ms); // storages count whole milliseconds
    CPPUNIT_ASSERT(next->fence() > fence);
    next->release();
    CPPUNIT_ASSERT_EQUAL(storage().tablesWhenPrepared(), storage().countTables());
}

} // namespace Leasehold
