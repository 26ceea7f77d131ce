#pragma once

#include "Leasehold/Store/CallContext.h"
#include "Leasehold/Store/LockStore.h"

#include <cppunit/TestFixture.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace Leasehold
{

/// What the tests of a store on a real server do with it.
class StoreFixture : public CppUnit::TestFixture
{
protected:
    static constexpr Milliseconds longTtl = std::chrono::minutes{10};

    static CallContext context() { return CallContext::within(std::chrono::seconds{20}); }

    static AcquireReply acquire(LockStore& store, const std::string& name, const std::string& token, Milliseconds ttl = longTtl);
    /// Acquires a lock that must be free.
    static LeaseRef grant(LockStore& store, const std::string& name, Milliseconds ttl = longTtl, const std::string& token = "token");
    static RenewReply renew(LockStore& store, const LeaseRef& lease, Milliseconds ttl = longTtl);
    /// Renews a lease. False also if the store is unavailable: a condition for `until` after an outage.
    static bool isRenewed(LockStore& store, const LeaseRef& lease);

    /// The message of the LockStoreUnavailable. The test fails if there is another exception, or none.
    static std::string unavailability(const std::function<void()>& work);
    /// The message of the LockStoreError, which must not be LockStoreUnavailable.
    static std::string error(const std::function<void()>& work);
    static void assertSays(const std::string& message, const std::string& part);
    /// A forked child cannot use a store that its parent has used, and does no harm when it destroys it.
    static void assertForkedChildIsRefused(std::unique_ptr<LockStore> store);
    /// Calls it again and again until it returns true. The test fails after a minute.
    static void until(const std::string& what, const std::function<bool()>& condition);
};

} // namespace Leasehold
