#pragma once

#include "Leasehold/LockRecord.h"

#include <span>
#include <string>

namespace Leasehold::Tool
{

/// A table for people: name, holder, since (UTC), remaining, fence; columns aligned. With `colour`, the heading is bold and
/// what has little time left stands out.
std::string lockTable(std::span<const LockRecord> locks, bool colour);

/// Everything about one lock, a line each.
std::string lockDetails(const LockRecord& lock);

} // namespace Leasehold::Tool
