#pragma once

#include "EtcdAnswer.h"
#include "LockKeys.h"
#include "LockMemory.h"

#include "Leasehold/Store/Batch.h"

#include <cstdint>
#include <optional>
#include <string>

namespace Leasehold::Etcd
{

/// One acquire as an operation of a Txn, and what its grant would be.
struct AcquireOperation
{
    Fence fence = 0;
    std::int64_t time = 0; ///< of the grant, ms by the wall clock of this client
    std::string text{};

    /// The form in which BatchStep::encoded keeps it.
    std::string encoded() const;
    static AcquireOperation decoded(const std::string& encoded);
};

/// The operations of the batched verbs, each a Txn of its own inside the Txn that carries a batch. A lease stands in them as leasePlace.
/// Pure functions; `now`: microseconds by the wall clock of this client.
///
/// `last`: the last fence of the lock, as far as known. Throws LockStoreError if the fence would exceed the greatest one.
AcquireOperation acquireOperation(const LockKeys& keys, const AcquireRequest& request, Fence last, std::int64_t now);
/// Moves the live lock to a new lease, if this token holds it with this fence.
std::string renewOperation(const LockKeys& keys, const LeaseRef& lease);
std::string releaseOperation(const LockKeys& keys, const LeaseRef& lease, std::int64_t now);

/// What an acquire found.
struct AcquireOutcome
{
    enum class Kind
    {
        granted,
        held,      ///< by another token, or the lock is broken
        replayed,  ///< this token holds it: the lease must be extended
        spent,     ///< the lease that this token had has ended
        fenceAhead ///< free, but its last fence is not below the new one
    };
    Kind kind = Kind::held;
    LockState state{}; ///< of a lock that is held; of one whose fence is ahead, only the memory
};

/// The functions below read the answer to one operation. nullopt: it makes no sense.
std::optional<AcquireOutcome> readAcquire(const Response& answer, const std::string& hash);
std::optional<RenewReply> readRenewal(const Response& answer, const RenewRequest& request);
std::optional<ReleaseReply> readRelease(const Response& answer, const LeaseRef& lease, std::int64_t now);
/// The memory, the token and the live lock, as readsOf asks for them, from `first` on.
std::optional<LockState> readState(const std::vector<Response>& responses, std::size_t first = 0);
/// The operations that read the state of one lock.
std::string readsOf(const LockKeys& keys, const std::string& name);

} // namespace Leasehold::Etcd
