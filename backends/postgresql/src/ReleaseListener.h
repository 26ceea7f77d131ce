#pragma once

#include "Leasehold/Store/ReleaseFeed.h"

#include <memory>

namespace Leasehold::PostgreSQL
{

class LockDatabase;

/// The feed of one service: a session that listens for the notifications of releases that were wanted. Its thread and its session exist
/// while names are watched, and one second longer. nullptr: the system has no descriptor left, so the service polls.
std::unique_ptr<ReleaseFeed> makeReleaseListener(LockDatabase& database, ReleaseSink& sink);

} // namespace Leasehold::PostgreSQL
