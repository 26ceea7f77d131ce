#include "ProcFile.h"

#include "Leasehold/Exceptions.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace Leasehold::ProcFile
{
namespace
{

[[noreturn]] void fail(const char* file, const char* purpose, int reason)
{
    const auto text =
        std::string("the sqlite store needs ") + file + " " + purpose + ", and cannot read it (" + std::strerror(reason) + "); ";
    switch (reason)
    {
    case EMFILE:
    case ENFILE:
        throw LockStoreUnavailable(text + "no file descriptor is left: close some, or raise the limit of open files");
    case ENOMEM:
        throw LockStoreUnavailable(text + "try again");
    default:
        throw LockStoreError(text + "allow this process to read it");
    }
}

} // namespace

std::optional<std::string> read(const char* file, const char* purpose)
{
    const int descriptor = ::open(file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
    {
        if (errno == ENOENT)
            return std::nullopt;
        fail(file, purpose, errno);
    }
    std::string text;
    std::array<char, 4096> part{};
    ssize_t length = 0;
    while ((length = ::read(descriptor, part.data(), part.size())) > 0)
        text.append(part.data(), static_cast<std::size_t>(length));
    const int reason = errno;
    ::close(descriptor);
    if (length < 0)
        fail(file, purpose, reason);
    return text;
}

} // namespace Leasehold::ProcFile
