#include "Leasehold/StoreBench.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/TestAssert.h>

#include <vector>

namespace Leasehold
{

using namespace std::chrono_literals;

StoreBench::StoreBench(const HarnessKind& kind, StoreHarness& harness) :
    _kind(kind), _harness(harness), _virtualTime(kind.capabilities.contains(Capability::virtualTime))
{
    reopen();
}

std::shared_ptr<LockStore> StoreBench::openElsewhere()
{
    return _kind.openElsewhere(dynamic_cast<Processes&>(_harness).location());
}

LockStore& StoreBench::store()
{
    return *_views[_next++ % _views.size()];
}

void StoreBench::reopen()
{
    close();
    for (auto& view : _views)
    {
        view = _harness.openStore();
        view->prepare(context());
    }
}

void StoreBench::close()
{
    for (auto& view : _views)
        view.reset();
}

Milliseconds StoreBench::slack()
{
    return store().info().ttlGranularity + (_virtualTime ? 0ms : 20ms);
}

CallContext StoreBench::context()
{
    return within(20s);
}

CallContext StoreBench::within(Milliseconds limit)
{
    return CallContext::within(limit);
}

AcquireReply StoreBench::acquire(const std::string& name, const std::string& token, const Wish& wish)
{
    return store().acquire({name, token, wish.ttl, wish.metadata, wish.fenceFloor, wish.reservedFences, wish.wantedFor}, context());
}

Grant StoreBench::grant(const std::string& name, const std::string& token, const Wish& wish)
{
    const auto reply = acquire(name, token, wish);
    CPPUNIT_ASSERT_MESSAGE("lock \"" + name + "\" is not granted", reply.status == AcquireStatus::granted);
    CPPUNIT_ASSERT_EQUAL(name, reply.record.name);
    CPPUNIT_ASSERT(reply.record.fence != 0);
    return {{name, token, reply.record.fence}, reply.record};
}

RenewReply StoreBench::renew(const LeaseRef& lease, Milliseconds ttl)
{
    const std::vector<RenewRequest> requests{{lease, ttl}};
    const auto replies = store().renew(requests, context());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, replies.size());
    return replies.front();
}

ReleaseReply StoreBench::release(const LeaseRef& lease)
{
    return store().release(lease, context());
}

std::optional<LockRecord> StoreBench::find(const std::string& name)
{
    return store().find(name, context());
}

bool StoreBench::breakLock(const std::string& name, Fence expected, BreakMode mode)
{
    return store().breakLock(name, expected, mode, context());
}

std::size_t StoreBench::pruneAll(Milliseconds retention)
{
    std::size_t all = 0;
    for (std::size_t page = 0; (page = store().prune(retention, context())) != 0; all += page)
        CPPUNIT_ASSERT_MESSAGE("a page of prune is at most 1,000 records", page <= 1000);
    return all;
}

void StoreBench::letExpire(const std::string& name)
{
    if (const auto live = find(name))
        advance(live->remaining);
    // In real time the wait may end a little early by the storage's clock. In virtual time it ends exactly.
    const bool expired = _virtualTime ? !find(name) : waitUntil([&] { return !find(name); });
    CPPUNIT_ASSERT_MESSAGE("the lease of lock \"" + name + "\" does not end with its ttl", expired);
}

void StoreBench::requireUnchanged(const LockRecord& before, Milliseconds later)
{
    const auto now = find(before.name);
    CPPUNIT_ASSERT_MESSAGE("lock \"" + before.name + "\" is gone", now.has_value());
    requireSame(before, *now, later);
}

Grant StoreBench::requireFree(const std::string& name, const std::string& newToken)
{
    CPPUNIT_ASSERT_MESSAGE("lock \"" + name + "\" is free, but found", !find(name));
    return grant(name, newToken);
}

void StoreBench::requireSame(const LockRecord& expected, const LockRecord& actual, Milliseconds later)
{
    CPPUNIT_ASSERT_EQUAL(expected.name, actual.name);
    CPPUNIT_ASSERT_EQUAL(expected.fence, actual.fence);
    CPPUNIT_ASSERT_EQUAL(expected.metadata, actual.metadata);
    CPPUNIT_ASSERT_EQUAL(expected.ttl.count(), actual.ttl.count());
    const auto near = slack();
    CPPUNIT_ASSERT_MESSAGE("acquiredAt changed", std::chrono::abs(expected.acquiredAt - actual.acquiredAt) <= near);
    CPPUNIT_ASSERT_MESSAGE("the lease ends earlier", actual.expiresAt >= expected.expiresAt - near);
    CPPUNIT_ASSERT_MESSAGE("the lease ends later", actual.expiresAt <= expected.expiresAt + near + later);
}

} // namespace Leasehold
