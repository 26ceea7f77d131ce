#include "Outlet.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <pthread.h>
#include <system_error>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

constexpr std::size_t maxBytes = std::size_t{64} * 1024;
constexpr std::chrono::seconds drainTimeout{1};
constexpr std::chrono::milliseconds pauseBetweenInterruptions{10};

/// The signal that interrupts a blocked write. Nothing else in this program uses it, and by default it is ignored.
constexpr int interruption = SIGURG;

void allowInterruption()
{
    struct sigaction action = {};
    action.sa_handler = [](int) {}; // without SA_RESTART: the write returns
    ::sigaction(interruption, &action, nullptr);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, interruption);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

} // namespace

Outlet::~Outlet()
{
    drain();
    std::unique_lock lock(_mutex);
    if (!_thread.joinable())
        return;
    _closing = true;
    _givenUp = !_lines.empty();
    _changed.notify_all();
    // Repeat the signal, because the thread may be about to block when it comes.
    while (!_changed.wait_for(lock, pauseBetweenInterruptions, [this] { return _ended; }))
        ::pthread_kill(_thread.native_handle(), interruption);
    lock.unlock();
    _thread.join();
}

void Outlet::write(std::string_view line)
{
    const std::lock_guard guard(_mutex);
    if (_gone)
        return;
    if (!_thread.joinable())
    {
        try
        {
            _thread = std::thread([this] { work(); });
        }
        catch (const std::system_error&) // the system has no thread left; the next line tries again
        {
            ++_dropped;
            return;
        }
    }
    if (_bytes + line.size() > maxBytes)
    {
        ++_dropped;
        return;
    }
    _lines.emplace_back(line);
    _bytes += line.size();
    _changed.notify_all();
}

bool Outlet::isIdle()
{
    const std::lock_guard guard(_mutex);
    return _lines.empty();
}

void Outlet::drain()
{
    std::unique_lock lock(_mutex);
    _changed.wait_for(lock, drainTimeout, [this] { return _lines.empty(); });
}

void Outlet::work()
{
    allowInterruption();
    std::unique_lock lock(_mutex);
    for (;;)
    {
        _changed.wait(lock, [this] { return !_lines.empty() || _closing; });
        if (_lines.empty() || _givenUp)
            break;
        const auto& line = _lines.front(); // the reference stays valid while lines are added
        lock.unlock();
        const bool written = writeAll(line);
        lock.lock();
        _bytes -= line.size();
        _lines.pop_front();
        if (!written)
        {
            _gone = true;
            _lines.clear();
            _bytes = 0;
        }
        else if (_lines.empty() && _dropped > 0)
        {
            _lines.push_back(_droppedLine(_dropped));
            _bytes = _lines.front().size();
            _dropped = 0;
        }
        _changed.notify_all();
    }
    _ended = true;
    _changed.notify_all();
}

/// False: the reader has closed, or the line was given up.
bool Outlet::writeAll(std::string_view text)
{
    while (!text.empty())
    {
        const auto written = ::write(_descriptor, text.data(), text.size());
        if (written > 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (written < 0 && errno == EAGAIN) // another program has set O_NONBLOCK on it
        {
            pollfd room{_descriptor, POLLOUT, 0};
            ::poll(&room, 1, -1);
        }
        else if (written == 0 || errno != EINTR)
            return false;
        const std::lock_guard guard(_mutex);
        if (_givenUp)
            return false;
    }
    return true;
}

} // namespace Leasehold::Tool
