#include "StepOperations.h"

#include "txnText.h"

#include "Leasehold/Store/LeaseRules.h"

#include <algorithm>
#include <limits>

namespace Leasehold::Etcd
{

namespace
{

constexpr std::size_t fenceDigits = 16;
constexpr std::size_t timeDigits = 16;
// A waiter's note lasts for this many of its polls.
constexpr std::int64_t notedPolls = 4;

/// The time in so many milliseconds, as the note of a waiter has it.
std::string noteUntil(std::int64_t now, Milliseconds span)
{
    const auto ms = std::max<std::int64_t>(now / 1000, 0) + std::min(span, longestTtl).count();
    return sixteenDigits(static_cast<std::uint64_t>(ms));
}

/// This token holds the lock with this fence.
std::string ifHeldBy(const LockKeys& keys, const LeaseRef& lease)
{
    const auto memory = keys.memory(lease.name);
    return listed(ifPresent(keys.live(lease.name)), ifValue(memory, Relation::greater, heldLowerBound(lease.fence)),
                  ifValue(memory, Relation::less, heldUpperBound(lease.fence)),
                  ifValue(keys.token(lease.name), Relation::equal, tokenHash(lease.name, lease.token)));
}

/// Notes that the caller waits, unless an earlier note lasts until its next poll. Not for the holder's own token, sent again.
std::string noteWaiter(const LockKeys& keys, const AcquireRequest& request, const std::string& hash, std::int64_t now)
{
    const auto key = keys.wanted(request.name);
    return nestedTxn(ifValue(keys.token(request.name), Relation::notEqual, hash),
                     nestedTxn(ifValue(key, Relation::greater, noteUntil(now, request.wantedFor)), {},
                               putValue(key, noteUntil(now, notedPolls * std::min(request.wantedFor, longestTtl / notedPolls)))),
                     {});
}

bool isRange(const Response& response)
{
    return response.kind == Response::Kind::range && response.found.size() <= 1;
}

/// The branch that grants was carried out.
bool isGrant(const Response& txn)
{
    constexpr std::size_t puts = 3;
    return txn.kind == Response::Kind::txn && txn.succeeded && txn.responses.size() >= puts &&
           std::all_of(txn.responses.begin(), txn.responses.begin() + puts,
                       [](const Response& one) { return one.kind == Response::Kind::put; });
}

/// The only operation of a branch.
const Response* onlyTxn(const Response& txn)
{
    return txn.responses.size() == 1 && txn.responses.front().kind == Response::Kind::txn ? &txn.responses.front() : nullptr;
}

/// The lock has ended or was never granted: the reads of the innermost branch tell which.
std::optional<AcquireOutcome> readFree(const Response& answer, const std::string& hash)
{
    using Kind = AcquireOutcome::Kind;
    const auto* const ifNew = onlyTxn(answer);
    if (!ifNew)
        return std::nullopt;
    if (isGrant(*ifNew))
        return AcquireOutcome{Kind::granted, {}};
    const auto* const ifKnown = onlyTxn(*ifNew);
    if (!ifKnown || ifNew->succeeded)
        return std::nullopt;
    if (isGrant(*ifKnown))
        return AcquireOutcome{Kind::granted, {}};
    auto state = readState(ifKnown->responses);
    if (ifKnown->succeeded || !state || !state->memory)
        return std::nullopt;
    return AcquireOutcome{state->hasToken(hash) ? Kind::spent : Kind::fenceAhead, std::move(*state)};
}

} // namespace

std::string AcquireOperation::encoded() const
{
    return sixteenDigits(fence) + sixteenDigits(static_cast<std::uint64_t>(time)) + text;
}

AcquireOperation AcquireOperation::decoded(const std::string& encoded)
{
    return {std::stoull(encoded.substr(0, fenceDigits)), std::stoll(encoded.substr(fenceDigits, timeDigits)),
            encoded.substr(fenceDigits + timeDigits)};
}

AcquireOperation acquireOperation(const LockKeys& keys, const AcquireRequest& request, Fence last, std::int64_t now)
{
    const auto& name = request.name;
    const auto hash = tokenHash(name, request.token);
    AcquireOperation operation;
    operation.fence = LeaseRules::nextFence(last, request.fenceFloor, {now / 1000, now}, request.reservedFences);
    operation.time = std::max<std::int64_t>(now / 1000, 0);
    const LockMemory memory{operation.fence, Standing::held, operation.time, request.metadata};

    auto grant = listed(putValue(keys.memory(name), memory.text()), putValue(keys.token(name), hash), putOnLease(keys.live(name)));
    if (request.wantedFor.count() > 0)
        grant = listed(std::move(grant), deleteKey(keys.wanted(name)));
    auto held = readsOf(keys, name);
    if (request.wantedFor.count() > 0)
        held = listed(std::move(held), noteWaiter(keys, request, hash, now));

    // A comparison of a value is false if the key is absent, so a new name needs a branch of its own.
    const auto isNewFence = ifValue(keys.memory(name), Relation::less, sixteenDigits(operation.fence - request.reservedFences));
    const auto isNewToken = ifValue(keys.token(name), Relation::notEqual, hash);
    const auto known = nestedTxn(listed(isNewFence, isNewToken), grant, readsOf(keys, name));
    operation.text = nestedTxn(ifAbsent(keys.live(name)), nestedTxn(ifAbsent(keys.memory(name)), grant, known), held);
    return operation;
}

std::string renewOperation(const LockKeys& keys, const LeaseRef& lease)
{
    return nestedTxn(ifHeldBy(keys, lease), moveToLease(keys.live(lease.name)), readsOf(keys, lease.name));
}

std::string releaseOperation(const LockKeys& keys, const LeaseRef& lease, std::int64_t now)
{
    const auto& name = lease.name;
    const LockMemory memory{lease.fence, Standing::released, now / 1000, {}};
    const auto tellWaiters =
        nestedTxn(ifValue(keys.wanted(name), Relation::greater, noteUntil(now, {})), putValue(keys.freed(name), {}), {});
    const auto wanted = readKey(keys.wanted(name));
    return nestedTxn(ifHeldBy(keys, lease),
                     listed(putValue(keys.memory(name), memory.text()), deleteKey(keys.live(name)), wanted, tellWaiters),
                     listed(readsOf(keys, name), wanted));
}

std::optional<AcquireOutcome> readAcquire(const Response& answer, const std::string& hash)
{
    if (answer.kind != Response::Kind::txn)
        return std::nullopt;
    if (answer.succeeded)
        return readFree(answer, hash);
    auto state = readState(answer.responses);
    if (!state || !state->memory || !state->lease)
        return std::nullopt;
    const bool isOurs = state->hasToken(hash) && state->memory->standing == Standing::held;
    return AcquireOutcome{isOurs ? AcquireOutcome::Kind::replayed : AcquireOutcome::Kind::held, std::move(*state)};
}

std::optional<RenewReply> readRenewal(const Response& answer, const RenewRequest& request)
{
    if (answer.kind != Response::Kind::txn)
        return std::nullopt;
    if (answer.succeeded)
    {
        if (answer.responses.size() != 1 || answer.responses.front().kind != Response::Kind::put)
            return std::nullopt;
        return RenewReply{.status = RenewStatus::renewed, .remaining = request.ttl};
    }
    const auto state = readState(answer.responses);
    if (!state)
        return std::nullopt;
    const auto& [lease, ttl] = request;
    return RenewReply{.status = RenewStatus::lost,
                      .broken = state->memory && state->memory->isBroken() && state->memory->fence == lease.fence &&
                                state->hasToken(tokenHash(lease.name, lease.token))};
}

std::optional<ReleaseReply> readRelease(const Response& answer, const LeaseRef& lease, std::int64_t now)
{
    constexpr std::size_t noteAfterRelease = 2, noteAfterReads = 3;
    if (answer.kind != Response::Kind::txn)
        return std::nullopt;
    const auto noteAt = answer.succeeded ? noteAfterRelease : noteAfterReads;
    if (answer.responses.size() <= noteAt || !isRange(answer.responses[noteAt]))
        return std::nullopt;
    const auto* const note = answer.responses[noteAt].only();
    const bool wanted = note && note->value > noteUntil(now, {});
    if (answer.succeeded)
    {
        if (answer.responses.front().kind != Response::Kind::put)
            return std::nullopt;
        return ReleaseReply{.status = ReleaseStatus::released, .wanted = wanted};
    }
    const auto state = readState(answer.responses);
    if (!state)
        return std::nullopt;
    if (!state->memory || state->memory->fence != lease.fence || !state->hasToken(tokenHash(lease.name, lease.token)))
        return ReleaseReply{};
    if (state->memory->standing == Standing::released)
        return ReleaseReply{.status = ReleaseStatus::released, .wanted = wanted};
    return ReleaseReply{.broken = state->memory->isBroken()};
}

std::optional<LockState> readState(const std::vector<Response>& responses, std::size_t first)
{
    constexpr std::size_t reads = 3;
    if (responses.size() < first + reads)
        return std::nullopt;
    const auto& memory = responses[first];
    const auto& live = responses[first + 1];
    const auto& token = responses[first + 2];
    if (!isRange(memory) || !isRange(live) || !isRange(token))
        return std::nullopt;
    LockState state;
    if (const auto* const found = memory.only())
    {
        state.memory = LockMemory::read(found->value);
        state.memoryRevision = found->modRevision;
        if (!state.memory)
            return std::nullopt;
    }
    if (const auto* const found = live.only())
    {
        // The key of a live lock without a lease or a memory is not ours: it would never end.
        if (found->lease <= 0 || !state.memory)
            return std::nullopt;
        state.lease = found->lease;
    }
    if (const auto* const found = token.only())
        state.tokenHash = found->value;
    return state;
}

std::string readsOf(const LockKeys& keys, const std::string& name)
{
    return listed(readKey(keys.memory(name)), readKey(keys.live(name)), readKey(keys.token(name)));
}

} // namespace Leasehold::Etcd
