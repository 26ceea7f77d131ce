#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"
#include "Leasehold/LockStore.h"

#include <cstdint>
#include <optional>
#include <string>

/// The rule: what each verb of a LockStore does in each case, as pure functions over one record. The memory store, the
/// SQLite store and the fake Elasticsearch call them; the painless scripts of the Elasticsearch store restate them; the
/// conformance kit tests them line by line. *Live* means: has a token and `now < expiresAt`.
///
/// | verb | when | then |
/// | --- | --- | --- |
/// | acquire | no record, or dead with another last token | granted: this token, this metadata, new fence, `expiresAt = now + ttl` |
/// | acquire | live, same token (a replay) | granted again: same fence, metadata as first given, `expiresAt = max(expiresAt, now + ttl)` |
/// | acquire | dead, same token as its last one (a late duplicate) | spent: nothing changes |
/// | acquire | live, other token | held: nothing changes |
/// | acquire | the same, and `expiresAt - now > record.ttl` (the clock had been ahead) | held, and `expiresAt = now + record.ttl` |
/// | renew | live, same token and fence | renewed: `expiresAt = now + ttl` |
/// | renew | anything else | lost: nothing changes |
/// | release | live, same token and fence | released: free at once; token and fence are remembered |
/// | release | dead by a release with the same token and fence (a replay) | released: nothing changes |
/// | release | anything else | notHeld: nothing changes |
/// | break, whenItEnds | live, fence as expected | the token becomes unusable, `expiresAt` stays |
/// | break, now | the same | free at once |
/// | break | anything else | false: nothing changes |
/// | prune | dead for longer than the retention and its fence lies as far behind the clock | forgotten |
namespace Leasehold::LeaseRules
{

/// The storage's clocks at the moment of the step.
struct StorageNow
{
    /// Milliseconds by the clock that judges expiry. Its origin is the storage's affair.
    std::int64_t ms = 0;
    /// Microseconds since 1970 by the storage's wall clock: the anchor of new fences.
    std::int64_t wallMicroseconds = 0;
};

/// How a record's last lease stands, its expiry aside.
enum class Standing
{
    held,     ///< its token may renew and release, until expiresAt
    broken,   ///< BreakMode::whenItEnds: the token is unusable, the name is taken until expiresAt
    released, ///< by its holder
    freed     ///< BreakMode::now
};

/// What a storage keeps for one name.
struct Record
{
    std::string token{}; ///< of the last grant
    Fence fence = 0;     ///< of the last grant
    Standing standing = Standing::freed;
    std::int64_t acquiredAt = 0; ///< StorageNow::ms of the grant
    std::int64_t expiresAt = 0;  ///< StorageNow::ms; when released or freed: the moment of that
    std::int64_t ttl = 0;        ///< ms, of the last grant or extension
    std::string metadata = "{}";
};

/// What a step answers; `changed` says whether the record must be written back.
struct AcquireVerdict
{
    AcquireStatus status = AcquireStatus::held;
    bool changed = false;
};

/// True while nobody else may be granted the name.
bool isLive(const Record& record, const StorageNow& now);

/// How long until expiresAt; 0 when dead.
Milliseconds remaining(const Record& record, const StorageNow& now);

/// The fence of the next grant: `max(last + 1, floor + 1, the wall clock in microseconds)`, which grows for each name also
/// across a storage that was emptied, restored or swapped; and `spare` more, so that the numbers below it are as new. Throws
/// LockStoreError if it would exceed maxFence.
Fence nextFence(Fence last, Fence floor, const StorageNow& now, Fence spare = 0);

/// `record` is what the storage has for request.name (nullopt: nothing) and becomes what it must have afterwards.
AcquireVerdict acquire(std::optional<Record>& record, const AcquireRequest& request, const StorageNow& now);

/// True: renewed, and the record must be written back. False: lost, nothing changed.
bool renew(std::optional<Record>& record, const LeaseRef& lease, Milliseconds ttl, const StorageNow& now);

/// `changed` is set to whether the record must be written back.
ReleaseStatus release(std::optional<Record>& record, const LeaseRef& lease, const StorageNow& now, bool& changed);

/// True: broken, and the record must be written back. False: nothing changed.
bool breakLock(std::optional<Record>& record, Fence expected, BreakMode mode, const StorageNow& now);

/// True: the storage may forget the record.
bool isForgettable(const Record& record, Milliseconds retention, const StorageNow& now);

} // namespace Leasehold::LeaseRules
