#include "Leasehold/Store/ReleaseHub.h"

#include <utility>

namespace Leasehold
{

class ReleaseHub::Feed : public ReleaseFeed
{
public:
    Feed(std::shared_ptr<ReleaseHub> hub, ReleaseSink& sink) : _hub(std::move(hub)), _sink(sink)
    {
        const std::lock_guard guard(_hub->_mutex);
        _hub->_feeds.push_back(this);
    }

    ~Feed() override
    {
        const std::lock_guard guard(_hub->_mutex);
        std::erase(_hub->_feeds, this);
        _hub->_watches -= _watched.size();
    }

    void watch(const std::string& name) override
    {
        const std::lock_guard guard(_hub->_mutex);
        if (!_watched.insert(name).second)
            return;
        ++_hub->_watches;
        if (_hub->_hears)
            _sink.watching(name);
    }

    void unwatch(const std::string& name) override
    {
        const std::lock_guard guard(_hub->_mutex);
        _hub->_watches -= _watched.erase(name);
    }

    void tellFree(const std::string& name)
    {
        if (_watched.contains(name))
            _sink.mayBeFree(name);
    }

    void tellDeaf(const std::string& why) { _sink.deaf(why); }

    void confirmAll()
    {
        for (const auto& name : _watched)
            _sink.watching(name);
    }

private:
    const std::shared_ptr<ReleaseHub> _hub;
    ReleaseSink& _sink;
    std::set<std::string> _watched;
};

std::unique_ptr<ReleaseFeed> ReleaseHub::makeFeed(ReleaseSink& sink)
{
    return std::make_unique<Feed>(shared_from_this(), sink);
}

void ReleaseHub::tellFree(const std::string& name)
{
    if (_watches.load() == 0)
        return;
    const std::lock_guard guard(_mutex);
    if (!_hears)
        return;
    for (auto* feed : _feeds)
        feed->tellFree(name);
}

void ReleaseHub::deafen(const std::string& why)
{
    const std::lock_guard guard(_mutex);
    if (!std::exchange(_hears, false))
        return;
    for (auto* feed : _feeds)
        feed->tellDeaf(why);
}

void ReleaseHub::hearAgain()
{
    const std::lock_guard guard(_mutex);
    if (std::exchange(_hears, true))
        return;
    for (auto* feed : _feeds)
        feed->confirmAll();
}

} // namespace Leasehold
