#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace Leasehold
{

struct LeasePolicy;
struct ListQuery;
struct StoreInfo;

/// Checks the arguments of callers before any request to the storage. Each check throws InvalidLockRequest with the value and the allowed
/// values. Pure; may be called from any thread.

inline constexpr std::size_t maxNameBytes = 512;
inline constexpr std::size_t maxListLimit = 10'000;

/// Foreign text made safe for a message: shortened, and with bytes other than printable ASCII as \xNN.
std::string shown(std::string_view text);

/// 1 to 512 bytes of UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F).
void checkLockName(const std::string& name);

void checkTtl(Milliseconds ttl);         ///< LeasePolicy::minTtl to LeasePolicy::maxTtl
void checkWait(Milliseconds wait);       ///< not negative
void checkMaxHold(Milliseconds maxHold); ///< greater than 0

/// 0 to LeasePolicy::maxTtl, and at most the lease's maxHold and the store's maxTtl, because minHold ends as a TTL in the storage.
void checkMinHold(Milliseconds minHold, const LeasePolicy& lease, const StoreInfo& store);

/// At most maxFence, and, in microseconds since 1970, at most a day after `now`, the local wall clock: a floor from a wrong clock would
/// raise the lock's fences for good.
void checkFenceFloor(Fence floor, std::chrono::system_clock::time_point now);

void checkPrefix(const std::string& prefix); ///< at most 512 bytes of UTF-8
void checkListQuery(const ListQuery& query); ///< prefix and after as for checkPrefix, limit from 1 to 10,000

} // namespace Leasehold
