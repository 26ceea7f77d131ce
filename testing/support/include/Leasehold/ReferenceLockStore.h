#pragma once

#include "Leasehold/LockStore.h"
#include "Leasehold/ReferenceStorage.h"

#include <memory>

namespace Leasehold
{

/// One view of a ReferenceStorage: the contract as plainly as it can be written, as if from one process of many.
///
/// Each verb is made of small steps that can be replaced one by one: a BrokenStore is this store with one of them wrong.
/// Thread-safe.
class ReferenceLockStore : public LockStore
{
public:
    explicit ReferenceLockStore(std::shared_ptr<ReferenceStorage> storage);
    ~ReferenceLockStore() override;

    StoreInfo info() const override;
    void prepare(const CallContext& context) override;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override;
    ReleaseStatus release(const LeaseRef& lease, const CallContext& context) override;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override;
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override;
    std::size_t prune(Milliseconds retention, const CallContext& context) override;

protected:
    using Now = LeaseRules::StorageNow;
    using Record = LeaseRules::Record;
    using Slot = ReferenceStorage::Slot;
    using Records = ReferenceStorage::Records;

    ReferenceStorage& storage() const { return *_storage; }

    /// Throws if a call cannot or need not be answered.
    virtual void requireWanted(const CallContext& context) const;
    virtual void requireReachable() const;
    virtual void requireKnownSchema() const;

    /// The clock that expiry is judged by.
    virtual Now now() const { return _storage->now(); }
    /// What the storage keeps a lock under.
    virtual std::string keyOf(const std::string& name) const { return name; }

    /// The steps of the rule, alone among all threads.
    virtual AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now);
    virtual bool renewStep(Slot& slot, const RenewRequest& request, const Now& now);
    virtual ReleaseStatus releaseStep(Slot& slot, const LeaseRef& lease, const Now& now);
    virtual bool breakStep(Slot& slot, Fence expected, BreakMode mode, const Now& now);
    virtual bool mayForget(const Record& record, Milliseconds retention, const Now& now) const;

    virtual bool isShown(const Record& record, const Now& now) const { return LeaseRules::isLive(record, now); }
    virtual bool isSelected(const std::string& name, const ListQuery& query) const;
    virtual std::size_t mostPruned() const { return 1000; }
    virtual LockRecord shown(const std::string& name, const Record& record, const Now& now) const;

private:
    void begin(const CallContext& context) const;

    const std::shared_ptr<ReferenceStorage> _storage;
};

} // namespace Leasehold
