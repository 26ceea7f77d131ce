#pragma once

#include "Leasehold/Store/LockStore.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <atomic>
#include <cstddef>
#include <memory>

namespace Leasehold::Bench
{

/// Counts the calls of another store.
class CountingLockStore : public LockStore
{
public:
    explicit CountingLockStore(std::shared_ptr<LockStore> store) : _store(std::move(store)) {}

    std::size_t renewCalls() const { return _renewCalls; }
    std::size_t renewals() const { return _renewals; }
    std::size_t otherCalls() const { return _otherCalls; }

    StoreInfo info() const override { return _store->info(); }
    void prepare(const CallContext& context) override { counted().prepare(context); }
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override { return counted().acquire(request, context); }
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        ++_renewCalls;
        _renewals += requests.size();
        return _store->renew(requests, context);
    }
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override { return counted().release(lease, context); }
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override { return counted().find(name, context); }
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override { return counted().list(query, context); }
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override
    {
        return counted().breakLock(name, expected, mode, context);
    }
    std::size_t prune(Milliseconds retention, const CallContext& context) override { return counted().prune(retention, context); }
    std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink) override { return _store->releaseFeed(sink); }

private:
    LockStore& counted()
    {
        ++_otherCalls;
        return *_store;
    }

    const std::shared_ptr<LockStore> _store;
    std::atomic<std::size_t> _renewCalls{0}, _renewals{0}, _otherCalls{0};
};

} // namespace Leasehold::Bench
