#pragma once

#include "Gateway.h"
#include "LockKeys.h"

#include "Leasehold/Store/ReleaseFeed.h"

#include <chrono>
#include <memory>

namespace Leasehold::Etcd
{

/// The feed of one service: one watch of etcd for all names, on a connection of its own. `gateway` must outlive it. nullptr: see
/// makeListeningFeed.
///
/// A connection that died in silence cannot be told from one without events, so the watch begins again every minute, at the revision where
/// the last one ended: so it misses nothing. `oldest` is another age than a minute, for tests. After a failure each waiter asks the storage
/// once.
std::unique_ptr<ReleaseFeed> makeWatchFeed(Gateway& gateway, const LockKeys& keys, ReleaseSink& sink,
                                           Milliseconds oldest = std::chrono::minutes{1});

} // namespace Leasehold::Etcd
