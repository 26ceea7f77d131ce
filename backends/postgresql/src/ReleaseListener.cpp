#include "ReleaseListener.h"

#include "LockDatabase.h"

#include "Leasehold/Store/ForkGuard.h"
#include "Leasehold/Store/ServiceThread.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace Leasehold::PostgreSQL
{

namespace
{

/// How long the thread outlives the last waiter. Otherwise a process that waits in a loop would connect each time.
constexpr Milliseconds linger{1000};
/// A lost connection is silent, so the server is asked for a sign of life after this time without an event.
constexpr Milliseconds heartbeat{5000};
constexpr Milliseconds answerLimit{5000};
constexpr Milliseconds firstRetry{250}, longestRetry{5000};

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

class Listener : public ReleaseFeed
{
public:
    Listener(LockDatabase& database, ReleaseSink& sink, int wakeUp) : _database(database), _sink(sink), _wakeUp(wakeUp) {}

    ~Listener() override
    {
        if (_fork.isForeign()) // thread and session belong to the parent
        {
            ForkGuard::keepForever(std::make_shared<std::thread>(std::move(_thread)));
            return;
        }
        _stop.request_stop();
        wake();
        if (_thread.joinable())
            _thread.join();
        ::close(_wakeUp);
    }

    void watch(const std::string& name) override
    {
        {
            const std::lock_guard guard(_mutex);
            if (!_watched.insert(name).second)
                return;
            _unconfirmed.insert(name);
            if (!_running)
                start();
        }
        wake();
    }

    void unwatch(const std::string& name) override
    {
        const std::lock_guard guard(_mutex);
        _watched.erase(name);
        _unconfirmed.erase(name);
    }

private:
    /// The mutex must be locked.
    void start()
    {
        if (_thread.joinable())
            _thread.join(); // it has ended, or is about to end without locking the mutex
        try
        {
            _thread = startServiceThread([this] { run(); });
            _running = true;
        }
        catch (const std::system_error&)
        {
            // The watch stays unconfirmed, so the waiter polls. The next watch tries again.
        }
    }

    void wake() const noexcept { ::eventfd_write(_wakeUp, 1); }

    void run()
    {
        std::optional<SessionPool::Lease> session;
        auto retry = firstRetry;
        for (bool quiet = false; mayGoOn(quiet);)
        {
            try
            {
                if (!session)
                {
                    listen(session);
                    retry = firstRetry;
                }
                confirm();
                quiet = hear(*session);
            }
            catch (const std::exception& problem)
            {
                close(session);
                tellDeaf(problem.what());
                rest(retry);
                quiet = true;
                retry = std::min(2 * retry, longestRetry);
            }
        }
        close(session);
    }

    /// Waits before another attempt. New watches do not hasten it: else each would connect, and fail, at once.
    void rest(Milliseconds limit) const
    {
        const auto end = std::chrono::steady_clock::now() + limit;
        for (auto left = limit; !_stop.stop_requested() && left.count() > 0;
             left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now()))
            await(-1, left);
    }

    /// False: the thread must end, because the feed ends or because no thread has waited since the last check.
    bool mayGoOn(bool quiet)
    {
        const std::lock_guard guard(_mutex);
        _running = !_stop.stop_requested() && !(quiet && _watched.empty());
        return _running;
    }

    CallContext context() const { return CallContext::within(answerLimit, _stop.get_token()); }

    void listen(std::optional<SessionPool::Lease>& session)
    {
        session.emplace(_database.sessions().connect(context()));
        (**session).stopPreparing();
        session->run({_database.calls().listen()}, context());
    }

    /// A session that listens must not go back to the pool.
    static void close(std::optional<SessionPool::Lease>& session)
    {
        if (session)
            (**session).abandon();
        session.reset();
    }

    void tellDeaf(const std::string& why)
    {
        {
            const std::lock_guard guard(_mutex);
            _unconfirmed = _watched;
            if (_isDeaf)
                return;
            _isDeaf = true;
        }
        if (!_stop.stop_requested())
            _sink.deaf(_database.place() + ": no notification can be heard: " + why);
    }

    void confirm()
    {
        std::set<std::string> names;
        {
            const std::lock_guard guard(_mutex);
            names.swap(_unconfirmed);
            _isDeaf = false;
        }
        for (const auto& name : names)
            _sink.watching(name);
    }

    /// Waits for notifications once. True: nothing has happened.
    bool hear(SessionPool::Lease& session)
    {
        bool waits = false;
        {
            const std::lock_guard guard(_mutex);
            waits = !_watched.empty();
        }
        const bool quiet = await((*session).socket(), waits ? heartbeat : linger);
        if (quiet && waits)
            session.run({_database.calls().ping()}, context());
        const auto payloads = (*session).notifications();
        if (!payloads)
            throw Net::CallFailure(Net::CallFailure::Outcome::unknown, "the connection was lost");
        for (const auto& payload : *payloads)
            tellFree(fromHex(payload));
        return quiet;
    }

    void tellFree(const std::string& name)
    {
        {
            const std::lock_guard guard(_mutex);
            if (!_watched.contains(name))
                return;
        }
        _sink.mayBeFree(name);
    }

    /// True: the time has passed without an event. A negative descriptor is ignored.
    bool await(int socket, Milliseconds limit) const
    {
        std::array<pollfd, 2> waited{{{_wakeUp, POLLIN, 0}, {socket, POLLIN, 0}}};
        const bool quiet = ::poll(waited.data(), waited.size(), static_cast<int>(limit.count())) == 0;
        eventfd_t count = 0;
        ::eventfd_read(_wakeUp, &count);
        return quiet;
    }

    LockDatabase& _database;
    ReleaseSink& _sink;
    const ForkGuard _fork;
    const int _wakeUp; // an eventfd
    std::stop_source _stop;
    std::mutex _mutex; // guards the members below
    std::set<std::string> _watched, _unconfirmed;
    bool _running = false, _isDeaf = false;
    std::thread _thread;
};

} // namespace

std::unique_ptr<ReleaseFeed> makeReleaseListener(LockDatabase& database, ReleaseSink& sink)
{
    const int wakeUp = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wakeUp < 0)
        return nullptr;
    return std::make_unique<Listener>(database, sink, wakeUp);
}

} // namespace Leasehold::PostgreSQL
