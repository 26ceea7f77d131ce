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

/// The operations that grant were carried out.
bool isGrant(const Response& txn)
{
    constexpr std::size_t puts = 3;
    return txn.responses.size() >= puts && std::all_of(txn.responses.begin(), txn.responses.begin() + puts,
                                                       [](const Response& one) { return one.kind == Response::Kind::put; });
}

/// The only operation of a branch.
const Response* onlyTxn(const Response& txn)
{
    return txn.responses.size() == 1 && txn.responses.front().kind == Response::Kind::txn ? &txn.responses.front() : nullptr;
}

/// The lock has ended or was never granted: the branches tell which.
std::optional<AcquireOutcome> readFree(const Response& answer)
{
    using Kind = AcquireOutcome::Kind;
    const auto* const ifSpent = onlyTxn(answer);
    if (!ifSpent)
        return std::nullopt;
    if (ifSpent->succeeded)
        return AcquireOutcome{Kind::spent, {}};
    const auto* const ifAhead = onlyTxn(*ifSpent);
    if (!ifAhead)
        return std::nullopt;
    if (!ifAhead->succeeded)
        return isGrant(*ifAhead) ? std::optional(AcquireOutcome{Kind::granted, {}}) : std::nullopt;
    const auto* const last = ifAhead->responses.size() == 1 ? ifAhead->responses.front().only() : nullptr;
    auto memory = last ? LockMemory::read(last->value) : std::nullopt;
    if (!memory)
        return std::nullopt;
    return AcquireOutcome{Kind::fenceAhead, {.memory = std::move(memory)}};
}

/// The memory and the token, as readsOfLast asks for them, from `first` on.
std::optional<LockState> readLast(const std::vector<Response>& responses, std::size_t first = 0)
{
    constexpr std::size_t reads = 2;
    if (responses.size() < first + reads || !isRange(responses[first]) || !isRange(responses[first + 1]))
        return std::nullopt;
    LockState state;
    if (const auto* const found = responses[first].only())
    {
        state.memory = LockMemory::read(found->value);
        state.memoryRevision = found->modRevision;
        if (!state.memory)
            return std::nullopt;
    }
    if (const auto* const found = responses[first + 1].only())
        state.tokenHash = found->value;
    return state;
}

/// The operations that read what is remembered of the last grant.
std::string readsOfLast(const LockKeys& keys, const std::string& name)
{
    return listed(readKey(keys.memory(name)), readKey(keys.token(name)));
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

    // Every comparison of a value is false if the key is absent. So they ask for what forbids the grant: a new name needs no branch then.
    // The memory begins with the last fence and is longer, so it is also greater than an equal fence.
    const auto isSpent = ifValue(keys.token(name), Relation::equal, hash);
    const auto isAhead = ifValue(keys.memory(name), Relation::greater, sixteenDigits(operation.fence - request.reservedFences));
    const auto free = nestedTxn(isSpent, {}, nestedTxn(isAhead, readKey(keys.memory(name)), grant));
    operation.text = nestedTxn(ifAbsent(keys.live(name)), free, held);
    return operation;
}

std::string renewOperation(const LockKeys& keys, const LeaseRef& lease)
{
    return nestedTxn(ifHeldBy(keys, lease), moveToLease(keys.live(lease.name)), readsOfLast(keys, lease.name));
}

std::string releaseOperation(const LockKeys& keys, const LeaseRef& lease, std::int64_t now)
{
    const auto& name = lease.name;
    const LockMemory memory{lease.fence, Standing::released, now / 1000, {}};
    const auto tellWaiters =
        nestedTxn(ifValue(keys.wanted(name), Relation::greater, noteUntil(now, {})), putValue(keys.freed(name), {}), {});
    return nestedTxn(ifHeldBy(keys, lease), listed(putValue(keys.memory(name), memory.text()), deleteKey(keys.live(name)), tellWaiters),
                     listed(readsOfLast(keys, name), readKey(keys.wanted(name))));
}

std::optional<AcquireOutcome> readAcquire(const Response& answer, const std::string& hash)
{
    if (answer.kind != Response::Kind::txn)
        return std::nullopt;
    if (answer.succeeded)
        return readFree(answer);
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
    const auto state = readLast(answer.responses);
    if (!state)
        return std::nullopt;
    const auto& [lease, ttl] = request;
    return RenewReply{.status = RenewStatus::lost,
                      .broken = state->memory && state->memory->isBroken() && state->memory->fence == lease.fence &&
                                state->hasToken(tokenHash(lease.name, lease.token))};
}

std::optional<ReleaseReply> readRelease(const Response& answer, const LeaseRef& lease, std::int64_t now)
{
    constexpr std::size_t toldAt = 2, noteAt = 2;
    if (answer.kind != Response::Kind::txn)
        return std::nullopt;
    const auto& responses = answer.responses;
    if (answer.succeeded)
    {
        if (responses.size() <= toldAt || responses.front().kind != Response::Kind::put || responses[toldAt].kind != Response::Kind::txn)
            return std::nullopt;
        return ReleaseReply{.status = ReleaseStatus::released, .wanted = responses[toldAt].succeeded};
    }
    const auto state = readLast(responses);
    if (!state || responses.size() <= noteAt || !isRange(responses[noteAt]))
        return std::nullopt;
    if (!state->memory || state->memory->fence != lease.fence || !state->hasToken(tokenHash(lease.name, lease.token)))
        return ReleaseReply{};
    if (state->memory->standing == Standing::released)
    {
        const auto* const note = responses[noteAt].only();
        return ReleaseReply{.status = ReleaseStatus::released, .wanted = note && note->value > noteUntil(now, {})};
    }
    return ReleaseReply{.broken = state->memory->isBroken()};
}

std::optional<LockState> readState(const std::vector<Response>& responses, std::size_t first)
{
    const auto liveAt = first + 2;
    auto state = readLast(responses, first);
    if (!state || responses.size() <= liveAt || !isRange(responses[liveAt]))
        return std::nullopt;
    if (const auto* const found = responses[liveAt].only())
    {
        // The key of a live lock without a lease or a memory is not ours: it would never end.
        if (found->lease <= 0 || !state->memory)
            return std::nullopt;
        state->lease = found->lease;
    }
    return state;
}

std::string readsOf(const LockKeys& keys, const std::string& name)
{
    return listed(readsOfLast(keys, name), readKey(keys.live(name)));
}

} // namespace Leasehold::Etcd
