#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/LockRecord.h"

#include <string>

namespace Leasehold
{

/// Who holds a lock, for people, from the host, pid, user and command in its metadata where they are there: `held by web-3 (pid 4711, user
/// ops, command backup) since 2026-11-24 14:02:07 UTC; the lease ends in 21.4 s unless it is renewed`. One line; safe to show on a
/// terminal.
LEASEHOLD_EXPORT std::string describeHolder(const LockRecord& record);

} // namespace Leasehold
