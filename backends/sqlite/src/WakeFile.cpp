#include "WakeFile.h"

#ifdef __linux__

#include "Leasehold/Store/ForkGuard.h"
#include "Leasehold/Store/ServiceThread.h"
#include "storePath.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <optional>
#include <poll.h>
#include <set>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace Leasehold
{
namespace
{

/// How long the thread outlives the last waiter. Otherwise a process that waits in a loop would start a thread each time.
constexpr int lingerMs = 1000;
/// The pause between two attempts to watch the file again.
constexpr int retryMs = 2000;

/// The path of the wake file: beside the database itself, and not beside a symbolic link to it.
std::string wakePath(const std::string& database)
{
    return behindLinks(database) + "-wake";
}

/// Creates the file with the rights of the database and, if root creates it, with its owner: every user who may release a lock must be able
/// to touch it.
void create(const std::string& database)
{
    constexpr mode_t everybody = 0666;
    const int file = ::open(wakePath(database).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, everybody);
    if (file < 0)
        return; // the file exists, or the watch will report the failure
    struct stat about = {};
    if (::stat(database.c_str(), &about) == 0)
    {
        if (::geteuid() == 0)
            static_cast<void>(!::fchown(file, about.st_uid, about.st_gid));
        static_cast<void>(!::fchmod(file, about.st_mode & everybody));
    }
    ::close(file);
}

/// A descriptor that closes itself.
class Descriptor
{
public:
    explicit Descriptor(int number) : _number(number) {}
    ~Descriptor()
    {
        if (_number >= 0)
            ::close(_number);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int operator*() const { return _number; }

private:
    const int _number;
};

/// The feed of one service. Its thread runs while names are watched, and one second longer.
class Feed : public ReleaseFeed
{
public:
    Feed(std::string database, ReleaseSink& sink, int wakeUp) : _database(std::move(database)), _sink(sink), _wakeUp(wakeUp) {}

    ~Feed() override
    {
        if (_fork.isForeign()) // the thread belongs to the parent
        {
            ForkGuard::keepForever(std::make_shared<std::thread>(std::move(_thread)));
            return;
        }
        {
            const std::lock_guard guard(_mutex);
            _ends = true;
        }
        wake();
        if (_thread.joinable())
            _thread.join();
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
        {
            const std::lock_guard guard(_mutex);
            _watched.erase(name);
            _unconfirmed.erase(name);
        }
        wake();
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

    void wake() const noexcept
    {
        const std::uint64_t one = 1;
        static_cast<void>(!::write(*_wakeUp, &one, sizeof one));
    }

    void run()
    {
        std::optional<Descriptor> events;
        _watch = -1;
        for (bool quiet = false; mayGoOn(quiet);)
        {
            if (!events || **events < 0)
                events.emplace(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
            const int error = errno;
            if (**events < 0)
                tellDeaf("inotify cannot be used", error, "raise /proc/sys/fs/inotify/max_user_instances");
            const bool hears = **events >= 0 && addWatch(**events);
            if (hears)
                confirm();
            quiet = waitForEvents(**events, hears);
        }
    }

    /// False: the thread must end, because the feed ends or because no thread has waited since the last check.
    bool mayGoOn(bool quiet)
    {
        const std::lock_guard guard(_mutex);
        _running = !_ends && !(quiet && _watched.empty());
        return _running;
    }

    /// Watches the file that has the name now. An existing watch of it stays.
    bool addWatch(int events)
    {
        const auto path = wakePath(_database);
        constexpr std::uint32_t touched = IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW;
        for (int tries = 0; tries < 2; ++tries)
        {
            const int watch = ::inotify_add_watch(events, path.c_str(), touched);
            if (watch >= 0)
            {
                if (std::exchange(_watch, watch) != watch)
                    forgetConfirmations(); // this is a new file, and a release may have touched the old one
                _isDeaf = false;
                return true;
            }
            if (errno != ENOENT)
                break;
            create(_database);
        }
        const int error = errno;
        _watch = -1;
        tellDeaf("the file " + path + " cannot be watched", error,
                 error == ENOSPC ? "raise /proc/sys/fs/inotify/max_user_watches" : "let those who may write the database make and read it");
        return false;
    }

    void forgetConfirmations()
    {
        const std::lock_guard guard(_mutex);
        _unconfirmed = _watched;
    }

    void tellDeaf(const std::string& what, int error, const std::string& remedy)
    {
        if (std::exchange(_isDeaf, true))
            return;
        forgetConfirmations();
        _sink.deaf("sqlite store " + _database + ": " + what + ": " + std::system_category().message(error) + "; " + remedy);
    }

    void confirm()
    {
        std::set<std::string> names;
        {
            const std::lock_guard guard(_mutex);
            names.swap(_unconfirmed);
        }
        for (const auto& name : names)
            _sink.watching(name);
    }

    /// False: an event has come. True: the timeout has passed.
    bool waitForEvents(int events, bool hears)
    {
        int timeout = hears ? -1 : retryMs;
        {
            const std::lock_guard guard(_mutex);
            if (_watched.empty())
                timeout = lingerMs;
        }
        std::array<pollfd, 2> waited{{{*_wakeUp, POLLIN, 0}, {events, POLLIN, 0}}}; // poll ignores a negative descriptor
        if (::poll(waited.data(), waited.size(), timeout) == 0)
            return true;
        std::uint64_t count = 0;
        static_cast<void>(!::read(*_wakeUp, &count, sizeof count));
        if (events >= 0 && drain(events))
            tellFree();
        return false;
    }

    /// True: the file was touched, removed or replaced.
    static bool drain(int events)
    {
        bool any = false;
        std::array<char, 4096> buffer{};
        while (::read(events, buffer.data(), buffer.size()) > 0)
            any = true;
        return any;
    }

    void tellFree()
    {
        std::set<std::string> names;
        {
            const std::lock_guard guard(_mutex);
            names = _watched;
        }
        for (const auto& name : names)
            _sink.mayBeFree(name);
    }

    const std::string _database;
    ReleaseSink& _sink;
    const ForkGuard _fork;
    const Descriptor _wakeUp; // an eventfd
    std::mutex _mutex;
    std::set<std::string> _watched, _unconfirmed;
    bool _running = false, _ends = false;
    int _watch = -1;      // used by the thread only
    bool _isDeaf = false; // used by the thread only
    std::thread _thread;
};

} // namespace

void WakeFile::touch(const std::string& database) noexcept
{
    try
    {
        const auto path = wakePath(database);
        if (::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) != 0 && (errno == EACCES || errno == EPERM))
            ::unlink(path.c_str()); // the file of another user: its removal wakes the waiters too, and they create a new one
    }
    catch (const std::exception&) // NOLINT(bugprone-empty-catch): the waiters poll
    {
    }
}

std::unique_ptr<ReleaseFeed> WakeFile::makeFeed(const std::string& database, ReleaseSink& sink)
{
    const int wakeUp = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wakeUp < 0)
        return nullptr; // the system has no descriptor left, so this service polls
    return std::make_unique<Feed>(database, sink, wakeUp);
}

} // namespace Leasehold

#else

namespace Leasehold
{

void WakeFile::touch(const std::string&) noexcept {}

std::unique_ptr<ReleaseFeed> WakeFile::makeFeed(const std::string&, ReleaseSink&)
{
    return nullptr;
}

} // namespace Leasehold

#endif
