#pragma once

#include "Leasehold/Durations.h"

#include <string>

namespace Leasehold::Tool
{

/// A point of the storage's clock for people, in UTC, as the library's own messages have it: several hosts may be in several time zones.
/// "14:02:07 UTC" if it is today, else "2026-11-24 14:02:07 UTC".
std::string timeText(StorageTime time);

/// The same as RFC 3339, for programs: "2026-11-24T14:02:07.123Z".
std::string utcText(StorageTime time);

/// For people: "21.4s", "12m 3s", "2h 5m", "3d 4h".
std::string secondsText(Milliseconds duration);

} // namespace Leasehold::Tool
