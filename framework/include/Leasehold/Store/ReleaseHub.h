#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace Leasehold
{

/// The feeds of all services of a store that learns of releases in one place. While the hub hears, as it does at first, every watch is
/// confirmed at once. Thread-safe.
class LEASEHOLD_EXPORT ReleaseHub : public std::enable_shared_from_this<ReleaseHub>
{
public:
    /// The hub must be owned by a std::shared_ptr; the feed shares ownership of it.
    std::unique_ptr<ReleaseFeed> makeFeed(ReleaseSink& sink);

    /// The store must call it after a release that answers `wanted` and after a break that frees the lock, without holding a mutex that
    /// acquire needs. Costs one load if no name is watched.
    void tellFree(const std::string& name);

    /// The store hears no releases any more; `why`: see ReleaseSink::deaf.
    void deafen(const std::string& why);
    /// The store hears all releases again: confirms all watches.
    void hearAgain();

private:
    class Feed;

    std::mutex _mutex; // locked while sinks are called, which do not call back
    std::vector<Feed*> _feeds;
    bool _hears = true;
    std::atomic<std::size_t> _watches{0};
};

} // namespace Leasehold
