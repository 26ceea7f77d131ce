#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"

#include <functional>

namespace Leasehold
{

/// Returns true as soon as `condition` does, false if it does not within `limit` of *real* time. It checks every millisecond. It is for
/// conditions that another thread or process makes true; to let time pass, use ManualClock.
[[nodiscard]] LEASEHOLD_EXPORT bool waitUntil(const std::function<bool()>& condition, Milliseconds limit = std::chrono::seconds{10});

} // namespace Leasehold
