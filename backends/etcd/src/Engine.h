#pragma once

#include "Gateway.h"
#include "LeasePool.h"
#include "LockKeys.h"
#include "LockMemory.h"
#include "StorageIdentity.h"

#include "Leasehold/EtcdLockStore.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold::Etcd
{

/// What the verbs of one store share. Thread-safe.
class Engine
{
public:
    Engine(const EtcdOptions& options, EtcdLockStore::WallClock wall);

    Gateway gateway;
    LeasePool leases;
    StorageIdentity storage;
    const LockKeys keys;
    const std::size_t maxTxnOps;

    /// Microseconds since 1970 by this client's clock.
    std::int64_t now() const { return _wall(); }

    /// Creates the storage if it is missing, and checks it.
    void prepare(const std::string& what, const CallContext& context);
    /// Checks the storage and creates nothing. False: there is none, so there are no locks.
    bool look(const std::string& what, const CallContext& context);
    /// Notices a version that is too old or known to be faulty, and a storage that keeps all its history.
    void inspect(const CallContext& context);
    /// For people: what `inspect` and the transport noticed; empty: nothing.
    std::string warning() const;

    /// The state of one lock. nullopt: there is no storage.
    std::optional<LockState> state(const std::string& name, const std::string& what, const CallContext& context);
    std::optional<LockRecord> find(const std::string& name, const CallContext& context);
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context);

    /// Compares the storage, as every Txn that changes something must.
    std::string ifStorage(const std::string& value) const;
    /// A Txn compared the storage and it was another one: `response` read its key. Throws LockStoreError if its schema is newer.
    void storageDiffers(const Response& response, const std::string& node);

private:
    void warnOfHistory(const CallContext& context);

    const EtcdLockStore::WallClock _wall;
    std::atomic<bool> _historyChecked{false};
    mutable std::mutex _mutex; // guards the warnings
    std::string _versionWarning;
    std::string _historyWarning;
};

} // namespace Leasehold::Etcd
