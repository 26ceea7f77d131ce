#include "WatchFeed.h"

#include "txnText.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/ReleaseSource.h"
#include "Leasehold/TimeSource.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>

namespace Leasehold::Etcd
{

namespace
{

using namespace std::chrono_literals;

/// At least so long is each wait for an event.
constexpr Milliseconds shortestRead = 1s;
constexpr Milliseconds openingLimit = 10s;

/// The watch of the keys that a release writes.
class WatchSource : public ReleaseSource
{
public:
    WatchSource(Gateway& gateway, const LockKeys& keys, Milliseconds oldest) : _gateway(gateway), _root(keys.freed({})), _oldest(oldest) {}

    void connect(const CallContext& context) override
    {
        _end = context.cancel();
        _nextRevision = 0;
        open(context);
    }

    void listen(Names& names, const CallContext& context) override
    {
        if (LocalClock::now() - _openedAt > _oldest)
            open(CallContext::within(openingLimit, _end));
        names.confirmNew();
        const auto left = std::chrono::ceil<Milliseconds>(_openedAt + _oldest - LocalClock::now());
        if (const auto line = _stream->readLine(context.shortened(std::max(left, shortestRead))))
            tell(names, *line);
        else if (_stream->isOver())
            fail("the node ended the watch");
        else if (!context.cancel().stop_requested()) // it would have told older events by now
            _nextRevision = std::max(_nextRevision, _revisionWhenOpened + 1);
    }

    void disconnect() noexcept override { _stream.reset(); }

private:
    void open(const CallContext& context)
    {
        auto stream = _gateway.stream("/v3/watch", watchText(_root, _nextRevision), context);
        const auto first = stream->readLine(context);
        const auto line = first ? readWatchLine(*first) : std::nullopt;
        if (!line || !line->created || line->cancelled)
        {
            _gateway.forgetToken(); // a refused token cancels the watch
            fail("etcd did not begin the watch");
        }
        _stream = std::move(stream);
        _openedAt = LocalClock::now();
        _revisionWhenOpened = line->revision;
        if (_nextRevision == 0)
            _nextRevision = line->revision + 1;
    }

    void tell(Names& names, const std::string& text)
    {
        const auto line = readWatchLine(text);
        if (!line)
            fail("a line of the watch makes no sense");
        if (line->cancelled)
            fail(line->compacted ? "the events that the watch may have missed were compacted" : "etcd cancelled the watch");
        _nextRevision = std::max(_nextRevision, line->revision + 1);
        for (const auto& key : line->put)
            if (key.starts_with(_root))
                names.mayBeFree(key.substr(_root.size()));
    }

    [[noreturn]] void fail(const char* why) const { throw LockStoreUnavailable(_gateway.place() + ": " + why); }

    Gateway& _gateway;
    const std::string _root; // of the keys that are watched
    const Milliseconds _oldest;
    std::stop_token _end;
    std::unique_ptr<Net::HttpStream> _stream;
    LocalTime _openedAt{};
    std::int64_t _revisionWhenOpened = 0;
    std::int64_t _nextRevision = 0; // 0: the watch begins now
};

} // namespace

std::unique_ptr<ReleaseFeed> makeWatchFeed(Gateway& gateway, const LockKeys& keys, ReleaseSink& sink, Milliseconds oldest)
{
    return makeListeningFeed({}, std::make_unique<WatchSource>(gateway, keys, oldest), sink);
}

} // namespace Leasehold::Etcd
