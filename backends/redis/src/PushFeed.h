#pragma once

#include "LockServer.h"

#include "Leasehold/Store/ReleaseFeed.h"

#include <memory>

namespace Leasehold::Redis
{

/// The feed of one service: it subscribes to a channel for each watched name, on a connection of its own. `server` is shared, because the
/// store may end before the thread of its feed. nullptr: see makeListeningFeed.
std::unique_ptr<ReleaseFeed> makePushFeed(std::shared_ptr<LockServer> server, ReleaseSink& sink);

} // namespace Leasehold::Redis
