#pragma once

#include "Leasehold/Export.h"

#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace Leasehold
{

/// The unit of durations that a caller, a policy or a storage chooses. Durations that are measured (LockObserver, LockMetrics,
/// StoreCheck) are in nanoseconds.
using Milliseconds = std::chrono::milliseconds;

/// A point in time by the storage's clock. For people only: nothing outside the storage is decided by it.
using StorageTime = std::chrono::sys_time<Milliseconds>;

/// "Without end": for LockOptions::wait, LockOptions::maxHold and the policies of both.
inline constexpr Milliseconds forever = Milliseconds::max();

/// Reads "250ms", "30s", "5m", "1h" or "0": a whole number and its unit, without a sign, spaces or fractions. nullopt: the text is
/// not such a duration, or it does not fit.
LEASEHOLD_EXPORT std::optional<Milliseconds> parseDuration(std::string_view text);

/// Writes a duration for people, in the greatest unit that divides it: 1500 ms is "1500ms", 30000 ms is "30s". parseDuration
/// reads it back, except `forever`, which is written as "forever".
LEASEHOLD_EXPORT std::string formatDuration(Milliseconds duration);

} // namespace Leasehold
