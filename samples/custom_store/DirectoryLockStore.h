#pragma once

#include <Leasehold/Store/LeaseRules.h>
#include <Leasehold/Store/LockStore.h>

#include <filesystem>
#include <functional>

namespace Leasehold
{
class StoreRegistry;
}

/// Locks as files in a directory that the processes of one host share: a file per lock, and one that is locked by flock during
/// each call. RecordSteps decides what to keep and what to answer; this store only loads and saves records. Thread-safe.
class DirectoryLockStore : public Leasehold::LockStore
{
public:
    using Now = std::function<Leasehold::LeaseRules::StorageNow()>;

    /// `now` is the clock that expiry is judged by; all processes must have the same.
    explicit DirectoryLockStore(std::filesystem::path directory, Now now = timeOfDay);

    static Leasehold::LeaseRules::StorageNow timeOfDay();

    Leasehold::StoreInfo info() const override;
    void prepare(const Leasehold::CallContext& context) override;
    Leasehold::AcquireReply acquire(const Leasehold::AcquireRequest& request, const Leasehold::CallContext& context) override;
    std::vector<Leasehold::RenewReply> renew(std::span<const Leasehold::RenewRequest> requests,
                                             const Leasehold::CallContext& context) override;
    Leasehold::ReleaseReply release(const Leasehold::LeaseRef& lease, const Leasehold::CallContext& context) override;
    std::optional<Leasehold::LockRecord> find(const std::string& name, const Leasehold::CallContext& context) override;
    std::vector<Leasehold::LockRecord> list(const Leasehold::ListQuery& query, const Leasehold::CallContext& context) override;
    bool breakLock(const std::string& name, Leasehold::Fence expected, Leasehold::BreakMode mode,
                   const Leasehold::CallContext& context) override;
    std::size_t prune(Leasehold::Milliseconds retention, const Leasehold::CallContext& context) override;

private:
    const std::filesystem::path _directory;
    const Now _now;
};

/// Adds the type "directory": leasehold.store.directory.path.
void registerDirectoryStore(Leasehold::StoreRegistry& registry);
