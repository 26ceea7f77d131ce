#pragma once

#include "Leasehold/LockRecord.h"

#include <string>

namespace Leasehold
{

/// Who holds a lock, for people: `held by web-3 (pid 4711, user ops) since 2026-11-24 14:02:07 UTC, at most 21.4 s more`. From
/// the metadata's host, pid, user and command, where they are there.
std::string describeHolder(const LockRecord& holder);

} // namespace Leasehold
