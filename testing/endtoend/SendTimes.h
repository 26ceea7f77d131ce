#pragma once

#include "Leasehold/History.h"
#include "Leasehold/Store/LockStore.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace Leasehold
{

/// Wraps a store and records, by the host's clock, when the last request that extended each lock was sent. Tests measure a loss from this
/// time, which does not depend on the service. Thread-safe.
class SendTimes : public LockStore
{
public:
    struct Extension
    {
        HostTime sent = 0;        ///< before the request
        Milliseconds remaining{}; ///< as the storage answered
        int renewals = 0;         ///< of this acquisition so far
    };

    explicit SendTimes(std::shared_ptr<LockStore> inner) : _inner(std::move(inner)) {}

    Extension lastExtension(const std::string& name) const;

    StoreInfo info() const override { return _inner->info(); }
    void prepare(const CallContext& context) override { _inner->prepare(context); }
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override { return _inner->release(lease, context); }
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override { return _inner->find(name, context); }
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override { return _inner->list(query, context); }
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) override
    {
        return _inner->breakLock(name, expected, mode, context);
    }
    std::size_t prune(Milliseconds retention, const CallContext& context) override { return _inner->prune(retention, context); }

private:
    const std::shared_ptr<LockStore> _inner;
    mutable std::mutex _mutex;
    std::map<std::string, Extension> _extensions;
};

} // namespace Leasehold
