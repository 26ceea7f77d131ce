#pragma once

#include "Leasehold/TimeSource.h"

#include <chrono>

namespace Leasehold::Bench
{

inline double millisecondsBetween(LocalTime from, LocalTime to)
{
    return std::chrono::duration<double, std::milli>(to - from).count();
}

} // namespace Leasehold::Bench
