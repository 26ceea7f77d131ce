#include "CreationLock.h"

#include "Leasehold/Exceptions.h"
#include "Patience.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <unistd.h>

namespace Leasehold
{

CreationLock::CreationLock(const std::string& path, const Patience& patience)
{
    const auto directory = std::filesystem::path(path).parent_path().string();
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    {
        if (errno != EWOULDBLOCK && errno != EINTR)
        {
            ::close(descriptor);
            return;
        }
        if (!patience.pause())
        {
            ::close(descriptor);
            throw LockStoreUnavailable("sqlite store " + path + ": another process holds its directory (flock) to make the file, and " +
                                       patience.whyExhausted() + "; try again");
        }
    }
    _directory = descriptor;
}

CreationLock::~CreationLock()
{
    if (_directory < 0)
        return;
    ::flock(_directory, LOCK_UN); // a child that was forked meanwhile has the same descriptor: closing ours would not end the lock
    ::close(_directory);
}

} // namespace Leasehold
