#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/HarnessKind.h"
#include "Leasehold/Store/CallContext.h"
#include "Leasehold/Store/LockStore.h"
#include "Leasehold/StoreHarness.h"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace Leasehold
{

/// The parameters of a test's acquisition other than name and token.
struct Wish
{
    Milliseconds ttl = std::chrono::minutes{10}; ///< so that no slow machine ends it
    std::string metadata = "{}";                 ///< see AcquireRequest::metadata
    Fence fenceFloor = 0;                        ///< see AcquireRequest::fenceFloor
    Fence reservedFences = 0;                    ///< see AcquireRequest::reservedFences
    Milliseconds wantedFor{};                    ///< see AcquireRequest::wantedFor
};

/// A lease that was granted to a test.
struct Grant
{
    LeaseRef lease{};    ///< for renew and release
    LockRecord record{}; ///< the record of the reply
};

/// The environment of one test: a storage and two views of it, as two processes have them. The verbs use the views in turn, so every test
/// also checks that answers do not depend on the asking process.
class LEASEHOLD_EXPORT StoreBench
{
public:
    static constexpr Milliseconds longTtl = std::chrono::minutes{10}; ///< so long that no slow machine ends the lease

    /// Opens the views and prepares the storage through both. `kind`: the kind of the harness, which must outlive this.
    StoreBench(const HarnessKind& kind, StoreHarness& harness);

    /// The storage of this test.
    StoreHarness& harness() { return _harness; }
    /// The name of the kind of harness.
    const std::string& harnessName() const { return _kind.name; }
    /// A view of the storage in real time, as the kit's other processes have it.
    std::shared_ptr<LockStore> openElsewhere();
    /// The view whose turn it is.
    LockStore& store();
    /// Closes both views and opens others.
    void reopen();
    /// Closes both views.
    void close();

    /// See StoreHarness::shortTtl.
    Milliseconds shortTtl() const { return _harness.shortTtl(); }
    /// The tolerance of times that the storage tells: its granularity, and in real time also the delay of the machine.
    Milliseconds slack();
    /// A context with enough time for any call.
    static CallContext context();
    /// For a call that may take so long.
    static CallContext within(Milliseconds limit);

    /// Acquires through the next view, as the other verbs below.
    AcquireReply acquire(const std::string& name, const std::string& token, const Wish& wish = {});
    /// Acquires a lock. The test fails unless it is granted.
    Grant grant(const std::string& name, const std::string& token, const Wish& wish = {});
    /// Renews one lease.
    RenewReply renew(const LeaseRef& lease, Milliseconds ttl = longTtl);
    /// Renews one lease, and returns only the status.
    RenewStatus renewStatus(const LeaseRef& lease, Milliseconds ttl = longTtl) { return renew(lease, ttl).status; }
    /// Releases one lease.
    ReleaseReply release(const LeaseRef& lease);
    /// The lock if it is live.
    std::optional<LockRecord> find(const std::string& name);
    /// Breaks one lock. False: nothing changed.
    bool breakLock(const std::string& name, Fence expected, BreakMode mode);
    /// Prunes until a page is empty. Returns how many records were forgotten.
    std::size_t pruneAll(Milliseconds retention);
    /// See StoreHarness::advance.
    void advance(Milliseconds span) { _harness.advance(span); }

    /// Lets the present lease of the lock expire.
    void letExpire(const std::string& name);
    /// The test fails unless the storage still tells this record of the lock. Its lease may end so much later.
    void requireUnchanged(const LockRecord& before, Milliseconds later = Milliseconds{0});
    /// The test fails unless `find` finds no lock and an acquire is granted. Returns that grant.
    Grant requireFree(const std::string& name, const std::string& newToken);
    /// The test fails unless both records say the same. Their times may differ by slack, and the lease may end so much later.
    void requireSame(const LockRecord& expected, const LockRecord& actual, Milliseconds later = Milliseconds{0});

private:
    const HarnessKind& _kind;
    StoreHarness& _harness;
    const bool _virtualTime;
    std::array<std::shared_ptr<LockStore>, 2> _views;
    std::size_t _next = 0;
};

} // namespace Leasehold
