#include "ReleaseWatch.h"

#include "LeaseSupervision.h"
#include "WaitLines.h"

namespace Leasehold
{

void ReleaseWatch::open(LockStore& store)
{
    const std::lock_guard guard(_mutex);
    _feed = store.releaseFeed(*this);
    _isOpen = _feed != nullptr;
}

void ReleaseWatch::close()
{
    const std::lock_guard guard(_mutex);
    _isOpen = false;
    _feed.reset();
    _watched.clear();
}

/// The mutex stays locked during the call of the feed, so that two threads tell the feed in the order in which they changed the line.
void ReleaseWatch::follow(const std::string& name)
{
    if (!_isOpen)
        return;
    const std::lock_guard guard(_mutex);
    if (!_feed)
        return;
    if (_lines.wantsWatch(name))
    {
        if (_watched.insert(name).second)
            _feed->watch(name);
    }
    else if (_watched.erase(name) > 0)
        _feed->unwatch(name);
}

void ReleaseWatch::watching(const std::string& name)
{
    _lines.confirmWatch(name, _clock.now());
}

void ReleaseWatch::mayBeFree(const std::string& name)
{
    _lines.invite(name, _clock.now());
}

void ReleaseWatch::lost(std::span<const LeaseRef> leases)
{
    for (const auto& lease : leases)
        _leases.loseRefused(lease);
}

void ReleaseWatch::deaf(const std::string& why)
{
    _lines.endWatches();
    _leases.tell([why](const ObserverList& observers) { observers.tell(&LockObserver::feedDeaf, why); });
}

} // namespace Leasehold
