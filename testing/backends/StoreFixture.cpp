#include "StoreFixture.h"

#include "usedWithoutThrowing.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/ForkedChild.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/TestAssert.h>

namespace Leasehold
{

AcquireReply StoreFixture::acquire(LockStore& store, const std::string& name, const std::string& token, Milliseconds ttl)
{
    return store.acquire({.name = name, .token = token, .ttl = ttl}, context());
}

LeaseRef StoreFixture::grant(LockStore& store, const std::string& name, Milliseconds ttl, const std::string& token)
{
    const auto reply = acquire(store, name, token, ttl);
    CPPUNIT_ASSERT_MESSAGE("lock " + name + " is not granted", reply.status == AcquireStatus::granted);
    return {name, token, reply.record.fence};
}

RenewReply StoreFixture::renew(LockStore& store, const LeaseRef& lease, Milliseconds ttl)
{
    const RenewRequest request{lease, ttl};
    return store.renew({&request, 1}, context()).at(0);
}

bool StoreFixture::isRenewed(LockStore& store, const LeaseRef& lease)
{
    try
    {
        return renew(store, lease).status == RenewStatus::renewed;
    }
    catch (const LockStoreUnavailable&)
    {
        return false;
    }
}

std::string StoreFixture::unavailability(const std::function<void()>& work)
{
    try
    {
        work();
    }
    catch (const LockStoreUnavailable& problem)
    {
        return problem.message();
    }
    CPPUNIT_FAIL("the store is available");
    return {};
}

std::string StoreFixture::error(const std::function<void()>& work)
{
    try
    {
        work();
    }
    catch (const LockStoreUnavailable& problem)
    {
        CPPUNIT_FAIL("another attempt will not help: " + problem.message());
    }
    catch (const LockStoreError& problem)
    {
        return problem.message();
    }
    CPPUNIT_FAIL("nothing was refused");
    return {};
}

void StoreFixture::assertSays(const std::string& message, const std::string& part)
{
    CPPUNIT_ASSERT_MESSAGE(message, message.find(part) != std::string::npos);
}

void StoreFixture::assertForkedChildIsRefused(std::unique_ptr<LockStore> store)
{
    const auto lease = grant(*store, "forked");
    const auto work = [&]
    {
        const auto used = usedWithoutThrowing<LockStoreError>({
            {"prepare", [&] { store->prepare(context()); }},
            {"prepareToRead", [&] { store->prepareToRead(context()); }},
            {"acquire", [&] { acquire(*store, "other", "child"); }},
            {"renew", [&] { renew(*store, lease); }},
            {"release", [&] { store->release(lease, context()); }},
            {"find", [&] { store->find("forked", context()); }},
            {"list", [&] { store->list({}, context()); }},
            {"break", [&] { store->breakLock("forked", lease.fence, BreakMode::now, context()); }},
            {"prune", [&] { store->prune(std::chrono::hours{1}, context()); }},
            {"engine", [&] { store->engine(context()); }},
        });
        store.reset();
        return used;
    };
    CPPUNIT_ASSERT_EQUAL(std::string(), inForkedChild(work));
    CPPUNIT_ASSERT(renew(*store, lease).status == RenewStatus::renewed);
    CPPUNIT_ASSERT(store->release(lease, context()).status == ReleaseStatus::released);
}

void StoreFixture::until(const std::string& what, const std::function<bool()>& condition)
{
    const bool met = waitUntil(condition, std::chrono::minutes{1});
    CPPUNIT_ASSERT_MESSAGE("in a minute not: " + what, met);
}

} // namespace Leasehold
