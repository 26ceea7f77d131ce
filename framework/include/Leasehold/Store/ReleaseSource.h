#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/CallContext.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <map>
#include <memory>
#include <string>

namespace Leasehold
{

/// What a store writes for a feed that hears of releases by a connection or another event of the system. makeListeningFeed adds the rest:
/// the thread and its life, the pauses after failures, and what a ReleaseSink is told.
///
/// One thread at a time calls the source. connect and listen throw any std::exception when the storage cannot be heard; its text is for
/// people, without secrets. Then the feed calls disconnect, tells its sink, and connects again after a pause.
class LEASEHOLD_EXPORT ReleaseSource
{
public:
    /// The names that the feed watches. Only listen uses it.
    class LEASEHOLD_EXPORT Names
    {
    public:
        /// The names that have been watched (true) or left (false) since the last call. After connect: all names that are watched.
        virtual std::map<std::string, bool> takeChanges() = 0;
        /// From now on the source hears each release of this name that answers `wanted`.
        virtual void confirm(const std::string& name) = 0;
        /// For a source that hears the releases of all names: takes the changes, and confirms the names that have been watched.
        virtual void confirmNew() = 0;
        /// The source may have missed a release of any name: the next takeChanges has all of them, as after connect.
        virtual void unconfirmAll() = 0;
        /// The lock may be free. No effect if the name is not watched.
        virtual void mayBeFree(const std::string& name) = 0;
        /// A lock may be free, and the source does not know which.
        virtual void anyMayBeFree() = 0;

    protected:
        ~Names() = default;
    };

    virtual ~ReleaseSource() = default;

    /// Connects. `context.cancel()` is stopped when the feed ends, also after this call; the source may keep it for its other requests.
    virtual void connect(const CallContext& context) = 0;

    /// Takes the changes, waits for an event, and passes it on. Returns when an event has come, at the deadline, and soon after a stop of
    /// `context.cancel()`: the names have changed or the feed ends. It is called again at once.
    virtual void listen(Names& names, const CallContext& context) = 0;

    /// Also called if connect failed. Must not wait.
    virtual void disconnect() noexcept = 0;
};

/// The feed of one service. Its thread and its connection exist while names are watched, and one second longer: otherwise a process that
/// waits in a loop would connect each time. In a forked child its destructor does nothing. `place` begins each reason for deafness; empty
/// if the texts of the source name the store. nullptr: the system has no descriptor left, so the service polls.
LEASEHOLD_EXPORT std::unique_ptr<ReleaseFeed> makeListeningFeed(std::string place, std::unique_ptr<ReleaseSource> source,
                                                                ReleaseSink& sink);

} // namespace Leasehold
