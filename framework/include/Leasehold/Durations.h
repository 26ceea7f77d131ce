#pragma once

#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace Leasehold
{

/// The unit of every duration in a public interface.
using Milliseconds = std::chrono::milliseconds;

/// A point in time by the storage's clock. For people only: no decision is made from it outside the storage.
using StorageTime = std::chrono::sys_time<Milliseconds>;

/// "Without end", for LockOptions::wait and LockOptions::maxHold and their policies.
inline constexpr Milliseconds forever = Milliseconds::max();

/// Reads "250ms", "30s", "5m", "1h" or "0": a whole number and its unit, without a sign, spaces or fractions.
/// nullopt: the text is not such a duration, or it does not fit.
std::optional<Milliseconds> parseDuration(std::string_view text);

/// Writes a duration for people, in the greatest unit that divides it: 1500 ms is "1500ms", 30000 ms is "30s".
/// parseDuration reads it back; `forever` is written as "forever".
std::string formatDuration(Milliseconds duration);

} // namespace Leasehold
