#pragma once

#include <cstdint>

namespace Leasehold
{

/// A fence (fencing token): each grant of a lock name carries a greater number than all grants of that name before it. The guarded
/// resource remembers the greatest fence that it has seen and refuses smaller ones (see FenceGuard.h). 0 means "none".
using Fence = std::uint64_t;

/// The greatest fence there is. It fits a signed 64-bit column and, exactly, a JavaScript number.
inline constexpr Fence maxFence = (Fence{1} << 53) - 1;

} // namespace Leasehold
