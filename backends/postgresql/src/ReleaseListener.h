#pragma once

#include "Leasehold/Store/ReleaseFeed.h"

#include <memory>

namespace Leasehold::PostgreSQL
{

class LockDatabase;

/// The feed of one service: a session that listens for the notifications of releases that were wanted. `database` must outlive it.
/// nullptr: see makeListeningFeed.
std::unique_ptr<ReleaseFeed> makeReleaseListener(LockDatabase& database, ReleaseSink& sink);

} // namespace Leasehold::PostgreSQL
