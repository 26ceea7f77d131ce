#pragma once

#include "Leasehold/Store/LockStore.h"
#include "Leasehold/describeHolder.h"

#include <chrono>
#include <string>

namespace Leasehold
{

/// A duration for people: "21.4 s".
std::string describeSpan(std::chrono::nanoseconds span);

} // namespace Leasehold
