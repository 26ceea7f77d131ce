#pragma once

#include "EtcdAnswer.h"

#include "Leasehold/Store/VanishedStorageGuard.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace Leasehold::Etcd
{

/// Which storage the store works on, and whether it is still the same one: the value of LockKeys::storage, which every Txn compares, the
/// cluster, and the revision, which only grows unless the storage was restored from a snapshot. Thread-safe.
class StorageIdentity
{
public:
    /// `place` names the store in messages.
    explicit StorageIdentity(std::string place) : _place(std::move(place)) {}

    /// What a request sent now must find.
    struct Expected
    {
        std::string value{};       ///< of LockKeys::storage; empty: unknown
        std::int64_t revision = 0; ///< every answer has this one or a greater one
    };
    Expected expected() const;

    /// The value for a new storage: the schema's number and random digits.
    static std::string newValue();

    /// An answer to a request that was sent when `expected` counted. False: the storage is another one, or was set back.
    bool answered(const Header& header, const Expected& expected);
    /// The storage has this value. Throws LockStoreError if its schema is newer.
    void found(const std::string& value);
    /// The key is not there.
    void missing();

    void noteTtl(Milliseconds ttl) { _guard.noteTtl(ttl); }
    /// Throws LockStoreUnavailable while other processes may still hold leases of a storage that vanished.
    void requireGrantsAllowed() const;

private:
    void tellGuard(); // under the mutex

    const std::string _place;
    mutable std::mutex _mutex; // guards the members below
    std::string _value;
    std::string _clusterId;
    std::int64_t _revision = 0;
    unsigned _setBack = 0;
    VanishedStorageGuard _guard;
};

} // namespace Leasehold::Etcd
