#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/ReferenceStorage.h"
#include "Leasehold/Store/LockStore.h"

#include <memory>

namespace Leasehold
{

/// The contract in its simplest form, on a ReferenceStorage. Each object stands for one process of many.
///
/// Each verb consists of small steps that can be overridden one by one: a BrokenStore is this store with one wrong step.
/// Thread-safe.
class LEASEHOLD_EXPORT ReferenceLockStore : public LockStore
{
public:
    /// One process's view of the storage.
    explicit ReferenceLockStore(std::shared_ptr<ReferenceStorage> storage);
    ~ReferenceLockStore() override;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override;

protected:
    using Now = LeaseRules::StorageNow;        ///< the storage's clocks
    using Record = LeaseRules::Record;         ///< what the storage keeps for one name
    using Slot = ReferenceStorage::Slot;       ///< the place of a record
    using Records = ReferenceStorage::Records; ///< all of them

    /// The storage that it was made with.
    ReferenceStorage& storage() const { return *_storage; }

    /// Each verb calls it first. Throws the errors of the next three functions.
    void begin(const CallContext& context) const;
    /// Throws LockStoreUnavailable if the call is past its deadline or cancelled.
    virtual void requireWanted(const CallContext& context) const;
    /// Throws LockStoreUnavailable while the storage is cut off.
    virtual void requireReachable() const;
    /// Throws LockStoreError if the storage has a newer schema.
    virtual void requireKnownSchema() const;

    /// The clock that expiry is judged by.
    virtual Now now() const { return _storage->now(); }
    /// The key of a lock in the storage.
    virtual std::string keyOf(const std::string& name) const { return name; }

    /// Acquire by LeaseRules, on the record in `slot`. The storage is locked for the thread that calls this and the next four.
    virtual AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now);
    /// One renewal by LeaseRules. True: renewed; false: lost.
    virtual bool renewStep(Slot& slot, const RenewRequest& request, const Now& now);
    /// Release by LeaseRules.
    virtual ReleaseReply releaseStep(Slot& slot, const LeaseRef& lease, const Now& now);
    /// Break by LeaseRules. False: nothing changed.
    virtual bool breakStep(Slot& slot, Fence expected, BreakMode mode, const Now& now);
    /// Whether prune may forget the record.
    virtual bool mayForget(const Record& record, Milliseconds retention, const Now& now) const;

    /// Tells the feeds of a release, if it answers `wanted`.
    virtual void tellReleased(const std::string& name, const ReleaseReply& reply);
    /// Tells the feeds of a break, if it frees the lock at once.
    virtual void tellBroken(const std::string& name, BreakMode mode);

    /// Whether find and list give this record.
    virtual bool isShown(const Record& record, const Now& now) const { return LeaseRules::isLive(record, now); }
    /// Whether a name is on the page that a query asks for, apart from its limit.
    virtual bool isSelected(const std::string& name, const ListQuery& query) const;
    /// How many records one prune forgets at most.
    virtual std::size_t maxPruned() const { return 1000; }
    /// The record as callers see it.
    virtual LockRecord shown(const std::string& name, const Record& record, const Now& now) const;

private:
    const std::shared_ptr<ReferenceStorage> _storage;
};

} // namespace Leasehold
