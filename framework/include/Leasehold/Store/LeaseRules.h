#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"
#include "Leasehold/Fence.h"
#include "Leasehold/Store/LockStore.h"

#include <cstdint>
#include <optional>
#include <string>

/// The rules: the effect of each verb of a LockStore in each case, as pure functions on one record. RecordSteps and the fake Elasticsearch
/// server call them, the painless scripts of the Elasticsearch store restate them, and the conformance kit tests them line by line. *Live*
/// means: has a token and `now < expiresAt`.
///
// clang-format off
/// | verb | when | then |
/// | --- | --- | --- |
/// | acquire | no record, or dead with another last token | granted: this token, this metadata, new fence, `expiresAt = now + ttl` |
/// | acquire | live, same token (a replay) | granted again: same fence, metadata as first given, `expiresAt = max(expiresAt, now + ttl)` |
/// | acquire | dead, same token as its last one (a late duplicate) | spent: nothing changes |
/// | acquire | live, other token | held: nothing changes |
/// | acquire | the same, and `expiresAt - now > record.ttl` (the clock had been ahead) | held, and `expiresAt = now + record.ttl` |
/// | acquire | the same, and the caller waits (`wantedFor`) | held; noted for `4 * wantedFor` if no note lasts for `wantedFor` |
/// | acquire | granted, and the caller waits | the note is erased; a grant to a caller that does not wait leaves it |
/// | renew | live, same token and fence | renewed: `expiresAt = now + ttl` |
/// | renew | anything else | lost: nothing changes |
/// | release | live, same token and fence | released: free at once; token and fence are remembered |
/// | release | the same, and a note of a waiter lasts | the answer says `wanted` |
/// | release | dead by a release with the same token and fence (a replay) | released: nothing changes |
/// | release | anything else | notHeld: nothing changes. It proves a loss only to a first release, see ReleaseStatus |
/// | renew, release | refused, and this token and fence were ended by a break | the answer says `broken` |
/// | break, whenItEnds | live, fence as expected | the token becomes unusable, `expiresAt` stays; true again if broken already |
/// | break, now | live, fence as expected | free at once |
/// | break | anything else | false: nothing changes |
/// | prune | dead for longer than the retention, and its fence lies as far behind the clock | forgotten |
// clang-format on
namespace Leasehold::LeaseRules
{

/// The storage's clocks at the moment of the step.
struct StorageNow
{
    /// Milliseconds by the clock that judges expiry. Its origin is up to the storage.
    std::int64_t ms = 0;
    /// Microseconds since 1970 by the storage's wall clock: the base of new fences.
    std::int64_t wallMicroseconds = 0;
};

/// The state of a record's last lease, apart from its expiry.
enum class Standing
{
    held,     ///< its token may renew and release, until expiresAt
    broken,   ///< BreakMode::whenItEnds: the token is unusable, the name is taken until expiresAt
    released, ///< its holder released it
    freed     ///< BreakMode::now freed it
};

/// The record that a storage keeps for one name.
struct Record
{
    std::string token{};                 ///< of the last grant
    Fence fence = 0;                     ///< of the last grant
    Standing standing = Standing::freed; ///< of the last lease
    std::int64_t acquiredAt = 0;         ///< StorageNow::ms of the grant
    std::int64_t expiresAt = 0;          ///< StorageNow::ms; when released or freed: the time of that
    std::int64_t ttl = 0;                ///< ms, of the last grant or extension
    std::string metadata = "{}";         ///< of the last grant: one JSON object as text
    std::int64_t wantedUntil = 0;        ///< StorageNow::ms; the end of the note that a caller waits for this name
};

/// The result of acquire.
struct AcquireVerdict
{
    AcquireStatus status = AcquireStatus::held; ///< for the reply
    bool changed = false;                       ///< the record must be written back
};

/// True while no other caller may be granted the name.
LEASEHOLD_EXPORT bool isLive(const Record& record, const StorageNow& now);

/// The time to expiresAt; 0 when dead.
LEASEHOLD_EXPORT Milliseconds remaining(const Record& record, const StorageNow& now);

/// The fence of the next grant: `max(last + 1, floor + 1, the wall clock in microseconds) + spare`. It grows for each name, also if the
/// storage is emptied, restored or replaced; the `spare` numbers just below it are new too. Throws LockStoreError if it would exceed
/// maxFence.
LEASEHOLD_EXPORT Fence nextFence(Fence last, Fence floor, const StorageNow& now, Fence spare = 0);

/// `record`: the storage's record of request.name (nullopt: none). Afterwards it is the record that the storage must have.
LEASEHOLD_EXPORT AcquireVerdict acquire(std::optional<Record>& record, const AcquireRequest& request, const StorageNow& now);

/// True: renewed, and the record must be written back. False: lost, and nothing changed.
LEASEHOLD_EXPORT bool renew(std::optional<Record>& record, const LeaseRef& lease, Milliseconds ttl, const StorageNow& now);

/// True if the renewal or release was refused because a break ended the lease.
LEASEHOLD_EXPORT bool wasBroken(const std::optional<Record>& record, const LeaseRef& lease);

/// Sets `changed` to true if the record must be written back, else to false.
LEASEHOLD_EXPORT ReleaseReply release(std::optional<Record>& record, const LeaseRef& lease, const StorageNow& now, bool& changed);

/// True: broken, and the record must be written back. False: nothing changed.
LEASEHOLD_EXPORT bool breakLock(std::optional<Record>& record, Fence expected, BreakMode mode, const StorageNow& now);

/// True: the storage may forget the record.
LEASEHOLD_EXPORT bool isForgettable(const Record& record, Milliseconds retention, const StorageNow& now);

} // namespace Leasehold::LeaseRules
