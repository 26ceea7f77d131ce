#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Fence.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace Leasehold
{

struct ListQuery;

/// The bounds of what callers ask for. Each check throws InvalidLockRequest with the value and what is allowed; all run before
/// any request to the storage. Pure; any thread.

inline constexpr std::size_t maxNameBytes = 512;
inline constexpr std::size_t maxListLimit = 10'000;

/// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool isUtf8(std::string_view text);

/// A piece of foreign text that is safe to show in a message: cut, and with what is not printable ASCII as \xNN.
std::string shown(std::string_view text);

/// 1 to 512 bytes of UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F).
void checkLockName(const std::string& name);

void checkTtl(Milliseconds ttl);         ///< LeasePolicy::minTtl to LeasePolicy::maxTtl
void checkWait(Milliseconds wait);       ///< not negative
void checkMaxHold(Milliseconds maxHold); ///< greater than 0

/// At most maxFence, and at most a day ahead of `now`, the local wall clock, in microseconds since 1970: a floor from a
/// broken clock would raise the lock's fences for good.
void checkFenceFloor(Fence floor, std::chrono::system_clock::time_point now);

void checkPrefix(const std::string& prefix); ///< at most 512 bytes of UTF-8
void checkListQuery(const ListQuery& query); ///< prefix and after as checkPrefix says, limit from 1 to 10,000

} // namespace Leasehold
