#pragma once

#include "Leasehold/Durations.h"

#include <functional>

namespace Leasehold
{

/// Returns true as soon as `condition` does, false if it has not within `limit` of *real* time. For what another thread or
/// process does on its own; it looks again every millisecond, so it must not be used to let time pass (see ManualClock).
[[nodiscard]] bool waitUntil(const std::function<bool()>& condition, Milliseconds limit = std::chrono::seconds{10});

} // namespace Leasehold
