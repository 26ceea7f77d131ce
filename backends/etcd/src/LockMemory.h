#pragma once

#include "EtcdAnswer.h"

#include "Leasehold/Store/LeaseRules.h"
#include "Leasehold/Store/LockStore.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace Leasehold::Etcd
{

/// What became of the last grant. The letters are a part of the storage's format.
enum class Standing : char
{
    held = 'H',          ///< its token may renew and release while the lock is live
    broken = 'B',        ///< BreakMode::whenItEnds: the token is unusable
    released = 'R',      ///< its holder released it
    freed = 'F',         ///< BreakMode::now freed it
    expired = 'X',       ///< it ended by itself, as prune found
    brokenExpired = 'Y', ///< as expired, of a broken one
};

/// The value of LockKeys::memory: fence (16 digits), standing, time in ms (16 digits), and the metadata of a lock that may be live. The
/// time is by the wall clock of a client: of the grant, or of its end.
struct LockMemory
{
    Fence fence = 0;
    Standing standing = Standing::held;
    std::int64_t time = 0;
    std::string metadata{};

    std::string text() const;
    /// nullopt: it is not such a value.
    static std::optional<LockMemory> read(std::string_view value);

    bool isBroken() const { return standing == Standing::broken || standing == Standing::freed || standing == Standing::brokenExpired; }
    /// The lock has ended, and `time` tells when. Otherwise only the key of the live lock tells.
    bool isEnded() const { return standing != Standing::held && standing != Standing::broken; }
};

/// The bounds between which, both excluded, the values of a memory lie that is held with this fence.
std::string heldLowerBound(Fence fence);
std::string heldUpperBound(Fence fence);

/// The value of LockKeys::token. A reader of the storage cannot make the token of it.
std::string tokenHash(const std::string& name, const std::string& token);

/// What the storage has of one lock, read in one step.
struct LockState
{
    std::optional<LockMemory> memory{};
    std::int64_t memoryRevision = 0;
    std::string tokenHash{};
    std::optional<std::int64_t> lease{}; ///< of the live lock; nullopt: it is not live

    bool hasToken(const std::string& hash) const { return !tokenHash.empty() && tokenHash == hash; }
};

/// The id of a lease of etcd has the ttl in it, so that a reader of the storage learns it.
constexpr std::int64_t leaseId(Milliseconds ttl, std::uint32_t random)
{
    return static_cast<std::int64_t>(ttl.count()) << 32 | random;
}
constexpr Milliseconds ttlOfLease(std::int64_t id)
{
    return Milliseconds{id >> 32};
}
constexpr Milliseconds longestTtl = std::chrono::hours{24 * 24}; // fits with the random part into a positive id

/// The record of a live lock. `now`: ms by the wall clock of this client.
LockRecord recordOf(const std::string& name, const LockMemory& memory, std::int64_t lease, Milliseconds remaining, std::int64_t now);

} // namespace Leasehold::Etcd
