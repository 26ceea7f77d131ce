#include "CreationLock.h"

#include "Leasehold/Exceptions.h"
#include "WaitBudget.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <unistd.h>

namespace Leasehold
{

CreationLock::CreationLock(const std::string& path, const WaitBudget& budget)
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
        if (!budget.pause())
        {
            ::close(descriptor);
            throw LockStoreUnavailable("sqlite store " + path + ": another process holds its directory (flock) to make the file, and " +
                                       budget.whySpent() + "; try again");
        }
    }
    _directory = descriptor;
}

CreationLock::~CreationLock()
{
    if (_directory < 0)
        return;
    ::flock(_directory, LOCK_UN); // a child forked meanwhile shares the descriptor, so closing ours alone would not unlock
    ::close(_directory);
}

} // namespace Leasehold
