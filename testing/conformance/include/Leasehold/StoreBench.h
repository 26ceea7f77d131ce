#pragma once

#include "Leasehold/CallContext.h"
#include "Leasehold/HarnessKind.h"
#include "Leasehold/LockStore.h"
#include "Leasehold/StoreHarness.h"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace Leasehold
{

/// What an acquisition of a test wants beside name and token.
struct Wish
{
    Milliseconds ttl = std::chrono::minutes{10}; ///< so that no slow machine ends it
    std::string metadata = "{}";
    Fence fenceFloor = 0;
    Fence spareFences = 0;
};

/// A lease that a test was granted.
struct Grant
{
    LeaseRef lease{};
    LockRecord record{};
};

/// One test's place of work: a storage and two views of it, as two processes have them. Each verb goes through the other view
/// than the one before, so that every answer is one that does not depend on who asks.
class StoreBench
{
public:
    static constexpr Milliseconds longTtl = std::chrono::minutes{10};

    /// Opens the views and prepares the storage through both. `kind` is what the harness was made from, and must outlive this.
    StoreBench(const HarnessKind& kind, StoreHarness& harness);

    StoreHarness& harness() { return _harness; }
    const std::string& harnessName() const { return _kind.name; }
    /// This process's view of the storage, as the kit's other processes have theirs: in real time.
    std::shared_ptr<LockStore> openElsewhere();
    /// The next view.
    LockStore& store();
    /// Closes both views and opens others.
    void reopen();
    void close();

    Milliseconds shortTtl() const { return _harness.shortTtl(); }
    /// How far times that the storage tells may be off: its granularity, and in real time the speed of the machine.
    Milliseconds slack();
    /// Enough for any one call.
    static CallContext context();
    static CallContext within(Milliseconds limit);

    AcquireReply acquire(const std::string& name, const std::string& token, const Wish& wish = {});
    /// The test fails unless it is granted.
    Grant grant(const std::string& name, const std::string& token, const Wish& wish = {});
    RenewReply renew(const LeaseRef& lease, Milliseconds ttl = longTtl);
    RenewStatus renewStatus(const LeaseRef& lease, Milliseconds ttl = longTtl) { return renew(lease, ttl).status; }
    ReleaseStatus release(const LeaseRef& lease);
    std::optional<LockRecord> find(const std::string& name);
    bool breakLock(const std::string& name, Fence expected, BreakMode mode);
    /// Prunes until a page comes back empty; how many records were forgotten.
    std::size_t pruneAll(Milliseconds retention);
    void advance(Milliseconds span) { _harness.advance(span); }

    /// Lets the lease that the lock has end by itself.
    void letExpire(const std::string& name);
    /// The test fails unless the storage says the same of this lock as it said then.
    void requireUnchanged(const LockRecord& before);
    /// The test fails unless the lock is free to be found and granted; what it was granted.
    Grant requireFree(const std::string& name, const std::string& newToken);
    void requireSame(const LockRecord& expected, const LockRecord& actual);

private:
    const HarnessKind& _kind;
    StoreHarness& _harness;
    const bool _virtualTime;
    std::array<std::shared_ptr<LockStore>, 2> _views;
    std::size_t _next = 0;
};

} // namespace Leasehold
