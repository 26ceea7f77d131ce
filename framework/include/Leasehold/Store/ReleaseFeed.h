#pragma once

#include "Leasehold/Export.h"

#include <span>
#include <string>

namespace Leasehold
{

struct LeaseRef;

/// Receives the events of a ReleaseFeed, for one service.
///
/// Events are only hints: no rule depends on them. A wrong event costs one request, a missing one the wait for the next poll. Threads of
/// the store, or ReleaseFeed::watch, call these functions. They must return quickly, must not throw and must not call the feed.
class LEASEHOLD_EXPORT ReleaseSink
{
public:
    virtual ~ReleaseSink() = default;

    /// The watch of `name` is confirmed: from now on the feed calls mayBeFree for each release that answers `wanted`. A release may have
    /// come before, so the service asks the storage once. Called again when the feed hears again after deaf.
    virtual void watching(const std::string& name) = 0;

    /// An acquire of this name may succeed now.
    virtual void mayBeFree(const std::string& name) = 0;

    /// The storage no longer holds these leases for their holders.
    virtual void lost(std::span<const LeaseRef> leases) = 0;

    /// The feed hears nothing: no watch is confirmed any more, and waiters poll. Called once until a watch is confirmed again. `why` is for
    /// people, without secrets.
    virtual void deaf(const std::string& why) = 0;
};

/// Tells one service when locks may be free for which it waits. LockStore::releaseFeed makes it.
///
/// A feed has a connection or a thread only while a name is watched. It never throws because of the state of the storage: it calls deaf,
/// retries with its own back-off, and calls watching when it hears again. After its destructor has returned, the sink is not called any
/// more. watch and unwatch may be called from any thread and must not wait for the storage.
class LEASEHOLD_EXPORT ReleaseFeed
{
public:
    virtual ~ReleaseFeed() = default;

    /// Begins to watch this name. The feed answers by ReleaseSink::watching, at once or later, and not while it is deaf. No effect if the
    /// name is watched already.
    virtual void watch(const std::string& name) = 0;

    /// Ends the watch of this name. An event that is under way may still come.
    virtual void unwatch(const std::string& name) = 0;
};

} // namespace Leasehold
