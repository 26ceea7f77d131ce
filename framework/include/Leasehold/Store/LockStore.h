#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/Fence.h"
#include "Leasehold/LockRecord.h"
#include "Leasehold/Store/CallContext.h"
#include "Leasehold/StoreInfo.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace Leasehold
{

class ReleaseFeed;
class ReleaseSink;

/// The wish to hold `name` for `ttl`.
struct AcquireRequest
{
    std::string name{};          ///< the name of the lock
    std::string token{};         ///< the owner token: secret, new for each acquisition, the same when the request is sent again
    Milliseconds ttl{};          ///< how long the lease lasts
    std::string metadata = "{}"; ///< one JSON object as text
    Fence fenceFloor = 0;        ///< the grant's fence must be greater
    /// The store also reserves so many numbers just below the grant's fence for the caller, which may give them to its own threads under
    /// this lease. It must be the same when the request is sent again. Only for stores with StoreInfo::reservesFences.
    Fence reservedFences = 0;
    /// Not 0: the caller waits. If the lock is held, the store keeps a note of it, and a release within this time answers `wanted`. The
    /// caller asks again within this time. A grant to a waiting caller ends the note (a grant to another caller does not), and it expires
    /// at most ten times `wantedFor` after the last request. The store must write a note only when the present one would expire too soon,
    /// so that most polls write nothing. Only for stores with StoreInfo::tellsWanted.
    Milliseconds wantedFor{};
};

/// The answer to an AcquireRequest.
enum class AcquireStatus
{
    granted, ///< to the caller
    held,    ///< another holder has the lock; nothing changed
    spent    ///< the lease of this token has ended; use a new token
};

/// "granted", "held", "spent".
LEASEHOLD_EXPORT const char* toString(AcquireStatus status) noexcept;

/// The result of LockStore::acquire.
struct AcquireReply
{
    AcquireStatus status = AcquireStatus::held; ///< what happened
    LockRecord record{};                        ///< ours when granted, else the holder's; only the name when spent
};

/// Identifies one grant in renew and release.
struct LeaseRef
{
    std::string name{};  ///< the name of the lock
    std::string token{}; ///< its owner token: secret
    Fence fence = 0;     ///< the fence of the grant
};

/// The wish to extend a lease.
struct RenewRequest
{
    LeaseRef lease{};   ///< the lease to extend
    Milliseconds ttl{}; ///< how long it lasts from now on
};

/// The answer to a RenewRequest.
enum class RenewStatus
{
    renewed,     ///< the lease was extended
    lost,        ///< the lease has ended, or the lock is another's; nothing changed
    unavailable, ///< only this item failed: it may or may not have been renewed; another attempt may succeed
    failed       ///< only this item failed: another attempt will not help
};

/// "renewed", "lost", "unavailable", "failed".
LEASEHOLD_EXPORT const char* toString(RenewStatus status) noexcept;

/// The result of LockStore::renew for one request.
struct RenewReply
{
    RenewStatus status = RenewStatus::unavailable; ///< what happened
    Milliseconds remaining{};                      ///< when renewed: by the storage's clock, when it answered
    std::string reason{};                          ///< when unavailable or failed: why, without secrets
    bool broken = false; ///< when lost: because the lock was broken; false: for another reason, or it was granted again since
};

/// The answer to a release.
enum class ReleaseStatus
{
    released, ///< the lock was freed by this release, or by the same one before
    notHeld   ///< nothing changed. In answer to a first release: the caller had lost the lock before. In answer to a release that
              ///< was sent again it proves no loss: the first one may have taken effect, and another may hold the lock since then
};

/// "released", "notHeld".
LEASEHOLD_EXPORT const char* toString(ReleaseStatus status) noexcept;

/// The result of LockStore::release.
struct ReleaseReply
{
    ReleaseStatus status = ReleaseStatus::notHeld; ///< what happened
    bool wanted = false;                           ///< when released: a caller waits for this name (AcquireRequest::wantedFor)
    bool broken = false; ///< when notHeld: because the lock was broken; false: for another reason, or it was granted again since
};

/// The port: the storage of the leases. LockManagerService does everything that is the same for all storages: validation, waiting, retries,
/// renewal, losses, defaults. A store does one atomic step per verb.
///
/// The table in LeaseRules.h has the effect of each verb in each case; a store must follow it exactly.
/// *Live* means there: has a token and `now < expiresAt` by the storage's clock.
///
/// Every verb
/// - is one atomic step in the storage and may be called from any thread, by many processes at once;
/// - must not sleep and must not retry; it judges expiry by the *storage's* clock, never the caller's;
/// - may keep a session or a cache, but an answer about a lock must come from the storage;
/// - answers or throws by the deadline of its CallContext, including the time in queues of the store, and soon after its
///   cancellation;
/// - throws LockStoreUnavailable if another attempt may succeed (no connection, deadline, cancelled, overloaded, locked). Then the
///   outcome is *unknown*. Sending the call again with the same token and fence is safe for every verb but `BreakMode::now`, but the
///   second answer may prove nothing, see ReleaseStatus::notHeld;
/// - throws LockStoreError if another attempt will not help (refused credentials, wrong schema, an answer that makes no sense).
///
/// A store never reports a failure as "held" or "lost": busy is a value, trouble is an exception. The service validates names,
/// tokens, metadata and durations; a store may rely on this, also when it is used directly.
///
/// A small store, samples/custom_store/DirectoryLockStore.cpp:
/// @include custom_store/DirectoryLockStore.cpp
class LEASEHOLD_EXPORT LockStore
{
public:
    virtual ~LockStore() = default;

    /// Does not touch the storage and does not throw because of its state. May become more exact after prepare.
    virtual StoreInfo info() const = 0;

    /// Prepares the storage: creates missing parts and checks existing ones. Idempotent; many processes may call it at once. It must never
    /// harm live locks, and a failure must not be remembered. The service calls it before its first verb.
    virtual void prepare(const CallContext& context) = 0;

    /// Prepares for find and list only: checks existing parts and writes nothing. A storage that does not exist yet holds no locks. The
    /// service calls it before its first find or list, unless prepare has succeeded. The default calls prepare.
    virtual void prepareToRead(const CallContext& context);

    /// Grants the lock if no other caller has a live lease. Every new grant has a new, greater fence. The same token means the same request
    /// sent again: it gets the same grant, or `spent` if that lease has ended.
    virtual AcquireReply acquire(const AcquireRequest& request, const CallContext& context) = 0;

    /// Extends leases: one reply per request, in the order of the requests, each judged by itself. A request is renewed only if the lock is
    /// live and has its token and fence. Otherwise it is lost and nothing changes: renew never creates and never revives. Failures of
    /// single items are in their replies; without any answer it throws.
    virtual std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) = 0;

    /// Frees the lock at once if it is live with this token and fence. The storage remembers the fence. A release that is sent again after
    /// it took effect answers `released` again, unless another caller was granted the lock meanwhile. If the store itself sends a release
    /// again and gets `notHeld`, it throws LockStoreUnavailable.
    virtual ReleaseReply release(const LeaseRef& lease, const CallContext& context) = 0;

    /// The live lock of that name; nullopt: there is none.
    virtual std::optional<LockRecord> find(const std::string& name, const CallContext& context) = 0;

    /// Live locks, ordered by name byte by byte.
    virtual std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) = 0;

    /// Takes the lock from its holder if it is live and its fence is `expected`; else returns false and changes nothing. Breaking a broken
    /// lock again with whenItEnds returns true and changes nothing; `find` tells that it is broken.
    virtual bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) = 0;

    /// Forgets a page of at most 1,000 records that are dead for longer than `retention` and whose fence is as far behind the clock.
    /// Returns how many it forgot.
    virtual std::size_t prune(Milliseconds retention, const CallContext& context) = 0;

    /// For people: the server's own name and version ("OpenSearch 3.6.0"). Empty: unknown, or this user has no right to know it. Called
    /// only on request.
    virtual std::string engine(const CallContext& context);

    /// For a store that can tell when a lock may be free: a new feed for one service, which sends events to `sink`. The sink and the store
    /// outlive the feed. Does not touch the storage. nullptr, the default: the store has no feed, and waiters poll. Only for stores with
    /// StoreInfo::tellsWanted.
    virtual std::unique_ptr<ReleaseFeed> releaseFeed(ReleaseSink& sink);
};

} // namespace Leasehold
