#include "Leasehold/Store/LeaseRules.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace Leasehold::LeaseRules
{
namespace
{

/// A waiter's note lasts for this many of its polls.
constexpr std::int64_t notedPolls = 4;

bool isTaken(Standing standing)
{
    return standing == Standing::held || standing == Standing::broken;
}

/// The record is live, and this lease may still renew and release it.
bool isHeldBy(const std::optional<Record>& record, const LeaseRef& lease, const StorageNow& now)
{
    return record && record->standing == Standing::held && isLive(*record, now) && record->token == lease.token &&
           record->fence == lease.fence;
}

/// `name` is for the message; nullptr: unknown.
Fence fenceAfter(const std::string* name, Fence last, Fence floor, Fence spare, const StorageNow& now)
{
    const auto clock = static_cast<Fence>(std::max<std::int64_t>(now.wallMicroseconds, 0));
    // Compare before adding: a foreign record may have any number, and the sum could overflow.
    const auto maximum = maxFence - std::min(spare, maxFence);
    if (std::max(last, floor) >= maximum || clock > maximum)
        throw LockStoreError("the next fence of " + (name ? "lock \"" + *name + "\"" : std::string("the lock")) +
                             " would exceed the maximum, " + std::to_string(maxFence) + " (its last is " + std::to_string(last) +
                             ", the floor asked for " + std::to_string(floor) + ", the storage's clock " + std::to_string(clock) +
                             ", reserved fences " + std::to_string(spare) +
                             "): nothing was granted; repair the record or the clock of the storage");
    return std::max({last + 1, floor + 1, clock}) + spare;
}

} // namespace

bool isLive(const Record& record, const StorageNow& now)
{
    return !record.token.empty() && isTaken(record.standing) && now.ms < record.expiresAt;
}

Milliseconds remaining(const Record& record, const StorageNow& now)
{
    return isLive(record, now) ? Milliseconds{record.expiresAt - now.ms} : Milliseconds{0};
}

Fence nextFence(Fence last, Fence floor, const StorageNow& now, Fence spare)
{
    return fenceAfter(nullptr, last, floor, spare, now);
}

AcquireVerdict acquire(std::optional<Record>& record, const AcquireRequest& request, const StorageNow& now)
{
    const bool sameToken = record && record->token == request.token;
    if (record && isLive(*record, now))
    {
        if (sameToken && record->standing == Standing::held) // the same request again: the first answer was lost
        {
            const auto wanted = now.ms + request.ttl.count();
            if (wanted <= record->expiresAt)
                return {AcquireStatus::granted, false};
            record->expiresAt = wanted;
            record->ttl = request.ttl.count();
            return {AcquireStatus::granted, true};
        }
        bool changed = false;
        // A lease has at most its TTL left, unless the storage's clock was ahead and has been set back.
        if (record->expiresAt - now.ms > record->ttl)
        {
            record->expiresAt = now.ms + record->ttl;
            changed = true;
        }
        // Write only if the note would end before the caller's next poll: so most polls write nothing.
        const auto wantedFor = request.wantedFor.count();
        if (wantedFor > 0 && record->wantedUntil < now.ms + wantedFor)
        {
            record->wantedUntil = now.ms + notedPolls * wantedFor;
            changed = true;
        }
        return {AcquireStatus::held, changed};
    }
    if (sameToken)
        return {AcquireStatus::spent, false};

    // Do everything that may throw first and set the token last: an exception changes nothing.
    const auto fence = fenceAfter(&request.name, record ? record->fence : 0, request.fenceFloor, request.reservedFences, now);
    std::string metadata = request.metadata;
    if (record)
        record->token = request.token; // reuses the memory of the last one
    else
        record = Record{.token = request.token};
    record->metadata = std::move(metadata);
    record->fence = fence;
    record->standing = Standing::held;
    record->acquiredAt = now.ms;
    record->expiresAt = now.ms + request.ttl.count();
    record->ttl = request.ttl.count();
    // The note may be this caller's own, so erase it; other waiters write it again. A caller that did not wait leaves it: otherwise a
    // holder that acquires again at once would never learn of the waiters.
    if (request.wantedFor.count() > 0)
        record->wantedUntil = 0;
    return {AcquireStatus::granted, true};
}

bool renew(std::optional<Record>& record, const LeaseRef& lease, Milliseconds ttl, const StorageNow& now)
{
    if (!isHeldBy(record, lease, now))
        return false;
    record->expiresAt = now.ms + ttl.count();
    record->ttl = ttl.count();
    return true;
}

bool wasBroken(const std::optional<Record>& record, const LeaseRef& lease)
{
    return record && (record->standing == Standing::broken || record->standing == Standing::freed) && record->token == lease.token &&
           record->fence == lease.fence;
}

ReleaseReply release(std::optional<Record>& record, const LeaseRef& lease, const StorageNow& now, bool& changed)
{
    changed = isHeldBy(record, lease, now);
    if (changed)
    {
        record->standing = Standing::released;
        record->expiresAt = now.ms;
    }
    const bool released = record && record->standing == Standing::released && record->token == lease.token && record->fence == lease.fence;
    if (!released)
        return {.status = ReleaseStatus::notHeld, .broken = wasBroken(record, lease)};
    return {.status = ReleaseStatus::released, .wanted = record->wantedUntil > now.ms};
}

bool breakLock(std::optional<Record>& record, Fence expected, BreakMode mode, const StorageNow& now)
{
    if (!record || !isLive(*record, now) || record->fence != expected)
        return false;
    if (mode == BreakMode::whenItEnds)
    {
        record->standing = Standing::broken;
        return true;
    }
    record->standing = Standing::freed;
    record->expiresAt = now.ms;
    return true;
}

bool isForgettable(const Record& record, Milliseconds retention, const StorageNow& now)
{
    constexpr auto longest = Milliseconds{std::numeric_limits<std::int64_t>::max() / 1000};
    if (isLive(record, now) || retention > longest || now.wallMicroseconds < 0)
        return false;
    const auto span = static_cast<Fence>(retention.count()) * 1000;
    const auto clock = static_cast<Fence>(now.wallMicroseconds);
    return now.ms - record.expiresAt > retention.count() && clock > span && record.fence < clock - span;
}

} // namespace Leasehold::LeaseRules
