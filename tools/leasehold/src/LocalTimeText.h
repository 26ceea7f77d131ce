#pragma once

#include "Leasehold/Durations.h"

#include <string>

namespace Leasehold::Tool
{

/// A point of the storage's clock in the local time zone: "14:02:07" if it is today, else "2026-11-24 14:02:07".
std::string localTimeText(StorageTime time);

/// The same as RFC 3339 in UTC, for programs: "2026-11-24T14:02:07.123Z".
std::string utcText(StorageTime time);

/// For people: "21.4s", "12m 3s", "2h 5m", "3d 4h".
std::string secondsText(Milliseconds duration);

} // namespace Leasehold::Tool
