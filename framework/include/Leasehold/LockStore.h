#pragma once

#include "Leasehold/CallContext.h"
#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"
#include "Leasehold/LockRecord.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace Leasehold
{

class StoreListener;

/// The wish to hold `name` for `ttl`.
struct AcquireRequest
{
    std::string name{};
    std::string token{}; ///< the owner token: secret, new for each acquisition, the same when the request is sent again
    Milliseconds ttl{};
    std::string metadata = "{}"; ///< one JSON object as text
    Fence fenceFloor = 0;        ///< the grant's fence must be greater
    /// So many numbers just below the grant's fence are the caller's too, for grants of its own under this lease. The same when the
    /// request is sent again. Only for a store that says StoreInfo::sparesFences.
    Fence spareFences = 0;
};

enum class AcquireStatus
{
    granted,
    held, ///< by another; nothing changed
    spent ///< the lease that this token had has ended; take a new token
};

struct AcquireReply
{
    AcquireStatus status = AcquireStatus::held;
    LockRecord record{}; ///< ours when granted, else the holder's; only the name when spent
};

/// One acquisition: what renew and release must present.
struct LeaseRef
{
    std::string name{};
    std::string token{};
    Fence fence = 0;
};

struct RenewRequest
{
    LeaseRef lease{};
    Milliseconds ttl{};
};

enum class RenewStatus
{
    renewed,
    lost,
    unavailable, ///< of this item only: it may or may not have been renewed; worth another try
    failed       ///< of this item only: not worth another try
};

struct RenewReply
{
    RenewStatus status = RenewStatus::unavailable;
    Milliseconds remaining{}; ///< when renewed: by the storage's clock, when it answered
    std::string reason{};     ///< when unavailable or failed: why, without secrets
};

enum class ReleaseStatus
{
    released,
    notHeld ///< the caller had lost it before
};

enum class BreakMode
{
    whenItEnds, ///< the holder can no longer renew; nobody is granted before the broken lease ends: holders never overlap
    now         ///< free at once: the old holder, and who gets its lease from it, may work on until the next renewal
};

struct ListQuery
{
    std::string prefix{};
    std::string after{};      ///< only names greater than this (byte by byte): the last name of the page before
    std::size_t limit = 1000; ///< at most so many records
};

/// What a store is and what a policy must respect.
struct StoreInfo
{
    std::string type{};
    std::string location{}; ///< for people, without secrets
    bool durable = false;   ///< a grant survives a crash of the storage
    bool sharedAcrossHosts = false;
    Milliseconds minTtl{}; ///< 0: no limit of the store's own
    Milliseconds maxTtl{}; ///< 0: no limit of the store's own
    Milliseconds ttlGranularity{1};
    Milliseconds clockUncertainty{}; ///< how far the clocks that judge one lease may differ
    bool sparesFences = false;       ///< it honours AcquireRequest::spareFences
};

/// The port: the storage that holds the leases. Everything that every user shares -- validation, waiting, retries,
/// renewal, losses, defaults -- is in LockManagerService; a store does one atomic step per verb.
///
/// The rule, what each verb does in each case, is the table in LeaseRules.h; a store must follow it to the letter.
/// *Live* means there: has a token and `now < expiresAt` by the storage's clock.
///
/// Every verb
/// - is one atomic step in the storage and may be called from any thread, by many processes at once;
/// - must not sleep and must not retry; it judges expiry by the *storage's* clock, never the caller's;
/// - may keep a session or a cache, but an answer about a lock must be the storage's;
/// - answers or throws by the deadline of its CallContext, queueing inside the store included, and gives up soon when
///   the context is cancelled;
/// - throws LockStoreUnavailable if another try may succeed (no connection, deadline, cancelled, overloaded, locked) --
///   whether the call took effect is then *unknown*, and every verb but `BreakMode::now` may be sent again -- and
///   LockStoreError if not (refused credentials, wrong schema, an answer that makes no sense). Neither is ever
///   turned into "held" or "lost": busy is a value, trouble is an exception.
/// Names, tokens, metadata and durations come validated from the service; a store that is used directly may rely on it.
class LockStore
{
public:
    virtual ~LockStore() = default;

    /// Does not touch the storage and does not throw for its state. May become more exact after prepare.
    virtual StoreInfo info() const = 0;

    /// Makes the storage ready: creates what is missing, checks what is there. Idempotent; many processes at once. It
    /// must never harm live locks, and a failure must not be remembered. The service calls it before its first verb.
    virtual void prepare(const CallContext& context) = 0;

    /// Grants the lock if no live lease of another stands in the way; every new grant carries a new, greater fence. The
    /// same token again is a replay: it gets the same grant, or `spent` if that lease has ended.
    virtual AcquireReply acquire(const AcquireRequest& request, const CallContext& context) = 0;

    /// Extends leases: one reply per request, in the order of the requests, each judged by itself. A request is renewed
    /// only if the lock is live and carries its token and its fence, else it is lost and nothing changes: renew never
    /// creates and never revives. Trouble with single items is in their replies; if no answer came at all it throws.
    virtual std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) = 0;

    /// Frees the lock at once if it is live with this token and fence. A release sent again after it took effect
    /// answers `released` again. The fence is remembered.
    virtual ReleaseStatus release(const LeaseRef& lease, const CallContext& context) = 0;

    /// The live lock of that name, if there is one.
    virtual std::optional<LockRecord> find(const std::string& name, const CallContext& context) = 0;

    /// Live locks, ordered by name byte by byte.
    virtual std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) = 0;

    /// Takes the lock from its holder, if it is live and its fence is `expected`; else false, and nothing changes.
    virtual bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context) = 0;

    /// Forgets records that are dead for longer than `retention` and whose fence lies as far behind the clock: one page
    /// of at most 1,000. How many it forgot.
    virtual std::size_t prune(Milliseconds retention, const CallContext& context) = 0;

    /// For people: what keeps the locks, with its version, as it says itself ("OpenSearch 3.6.0"). Empty: unknown, or not to be told to
    /// this user. Asked only when somebody wants to know.
    virtual std::string engine(const CallContext& context);

    /// For a store that hears by itself of losses and releases. nullptr ends it.
    virtual void setListener(std::shared_ptr<StoreListener> listener);
};

} // namespace Leasehold
