#include "ReleaseListener.h"

#include "LockDatabase.h"

#include "Leasehold/Store/ReleaseSource.h"

#include <optional>
#include <stop_token>
#include <string>

namespace Leasehold::PostgreSQL
{

namespace
{

/// A lost connection is silent, so the server is asked for a sign of life after this time without an event.
constexpr Milliseconds heartbeat{5000};
constexpr Milliseconds answerLimit{5000};

int hexDigit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// The name in a payload. Any program may notify: other payloads are no names that are watched.
std::string fromHex(const std::string& text)
{
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    {
        const int high = hexDigit(text[i]), low = hexDigit(text[i + 1]);
        if (high < 0 || low < 0)
            return {};
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

/// A session that listens for notifications.
class Listener : public ReleaseSource
{
public:
    explicit Listener(LockDatabase& database) : _database(database) {}

    void connect(const CallContext& context) override
    {
        _end = context.cancel();
        _session.emplace(_database.sessions().connect(context));
        (**_session).stopPreparing();
        _session->run({_database.calls().listen()}, context);
    }

    void listen(Names& names, const CallContext& context) override
    {
        names.confirmNew();
        const auto payloads = (**_session).notifications(context.shortened(heartbeat));
        for (const auto& payload : payloads)
            names.mayBeFree(fromHex(payload));
        if (payloads.empty() && !context.cancel().stop_requested() && context.timeLeft().count() > 0)
            _session->run({_database.calls().ping()}, CallContext::within(answerLimit, _end));
    }

    /// A session that listens must not go back to the pool.
    void disconnect() noexcept override
    {
        if (_session)
            (**_session).abandon();
        _session.reset();
    }

private:
    LockDatabase& _database;
    std::stop_token _end;
    std::optional<SessionPool::Lease> _session;
};

} // namespace

std::unique_ptr<ReleaseFeed> makeReleaseListener(LockDatabase& database, ReleaseSink& sink)
{
    return makeListeningFeed(database.place() + ": no notification can be heard", std::make_unique<Listener>(database), sink);
}

} // namespace Leasehold::PostgreSQL
