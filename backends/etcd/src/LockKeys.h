#pragma once

#include <string>

namespace Leasehold::Etcd
{

/// The keys of the store. Names of locks are bytes, and etcd orders keys by bytes.
class LockKeys
{
public:
    explicit LockKeys(const std::string& prefix) : _root(prefix + '/') {}

    /// The schema's number and a random text that identifies this storage. Every Txn that changes something compares it.
    std::string storage() const { return _root + 'v'; }
    /// What is remembered of the last grant; without a lease, see LockRecordValue.
    std::string memory(const std::string& name) const { return _root + "m/" + name; }
    /// The hash of the owner token of the last grant; without a lease.
    std::string token(const std::string& name) const { return _root + "t/" + name; }
    /// Exists as long as the lock is live. It always hangs on a lease of etcd.
    std::string live(const std::string& name) const { return _root + "l/" + name; }
    /// Until when a caller waits, in 16 digits; without a lease.
    std::string wanted(const std::string& name) const { return _root + "w/" + name; }
    /// Written whenever a lock becomes free that somebody may wait for. The feeds watch it; without a lease.
    std::string freed(const std::string& name) const { return _root + "f/" + name; }

private:
    std::string _root;
};

} // namespace Leasehold::Etcd
