#include "WakeFile.h"

#ifdef __linux__

#include "Leasehold/Store/ReleaseSource.h"
#include "storePath.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <stop_token>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace Leasehold
{
namespace
{

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

/// Hears that the wake file was touched, removed or replaced.
class WakeSource : public ReleaseSource
{
public:
    explicit WakeSource(std::string database) : _database(std::move(database)) {}

    void connect(const CallContext&) override
    {
        _wakeUp.emplace(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        _events.emplace(**_wakeUp < 0 ? -1 : ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
        if (**_events < 0)
            fail("inotify cannot be used", errno, "raise /proc/sys/fs/inotify/max_user_instances");
    }

    void listen(Names& names, const CallContext& context) override
    {
        const int watch = watchFile();
        if (std::exchange(_watch, watch) != watch)
            names.unconfirmAll(); // this is a new file, and a release may have touched the old one
        names.confirmNew();
        const std::stop_callback whenStopped(context.cancel(), [this] { ::eventfd_write(**_wakeUp, 1); });
        std::array<pollfd, 2> waited{{{**_wakeUp, POLLIN, 0}, {**_events, POLLIN, 0}}};
        ::poll(waited.data(), waited.size(), static_cast<int>(context.timeLeft().count()));
        eventfd_t count = 0;
        ::eventfd_read(**_wakeUp, &count);
        if (drain(**_events))
            names.anyMayBeFree();
    }

    void disconnect() noexcept override
    {
        _events.reset();
        _wakeUp.reset();
        _watch = -1;
    }

private:
    /// Watches the file that has the name now. An existing watch of it stays.
    int watchFile() const
    {
        const auto path = wakePath(_database);
        constexpr std::uint32_t touched = IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW;
        for (int tries = 0; tries < 2; ++tries)
        {
            const int watch = ::inotify_add_watch(**_events, path.c_str(), touched);
            if (watch >= 0)
                return watch;
            if (errno != ENOENT)
                break;
            create(_database);
        }
        const int error = errno;
        fail("the file " + path + " cannot be watched", error,
             error == ENOSPC ? "raise /proc/sys/fs/inotify/max_user_watches" : "let those who may write the database make and read it");
    }

    [[noreturn]] static void fail(const std::string& what, int error, const std::string& remedy)
    {
        throw std::runtime_error(what + ": " + std::system_category().message(error) + "; " + remedy);
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

    const std::string _database;
    std::optional<Descriptor> _wakeUp, _events; // an eventfd; inotify
    int _watch = -1;
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
    return makeListeningFeed("sqlite store " + database, std::make_unique<WakeSource>(database), sink);
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
