#include "HostClock.h"

#include "Leasehold/Exceptions.h"
#include "ProcFile.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <sstream>
#include <unistd.h>

namespace Leasehold
{
namespace
{

using std::chrono::nanoseconds;

std::string readBootId()
{
    constexpr const char* file = "/proc/sys/kernel/random/boot_id";
    const auto text = ProcFile::read(file, "to tell one boot of the machine from another");
    if (!text)
        throw LockStoreError(std::string("the sqlite store needs ") + file +
                             " to tell one boot of the machine from another, and it is not there; mount /proc, and mount it whole: "
                             "without the option subset=pid (systemd: ProcSubset=all)");
    std::istringstream words(*text);
    std::string id;
    if (!(words >> id))
        throw LockStoreError(std::string("the sqlite store found no boot id in ") + file + ": the file is empty");
    return id;
}

std::string linkTarget(const char* link)
{
    std::array<char, 64> target{};
    const auto length = ::readlink(link, target.data(), target.size());
    if (length <= 0)
        throw LockStoreError(std::string("the sqlite store cannot read its time namespace from ") + link + " (" + std::strerror(errno) +
                             "); mount /proc so that this process can read its own entries");
    return {target.data(), static_cast<std::size_t>(length)};
}

/// The file has the time offsets of this process's children. They are this process's own offsets too, unless it has created a new
/// namespace; then its own offsets cannot be read.
nanoseconds readBoottimeOffset()
{
    const auto text = ProcFile::read("/proc/self/timens_offsets", "to read the host's boot clock");
    if (!text)
        return nanoseconds::zero(); // a kernel without time namespaces
    std::istringstream in(*text);
    if (linkTarget("/proc/self/ns/time") != linkTarget("/proc/self/ns/time_for_children"))
        throw LockStoreError("the sqlite store cannot be used by a process that asked for a new time namespace and is not in it itself; "
                             "use it in a child process");
    for (std::string line; std::getline(in, line);)
    {
        std::istringstream fields(line);
        std::string clock;
        long long seconds = 0, nanos = 0;
        if (fields >> clock >> seconds >> nanos && (clock == "boottime" || clock == std::to_string(CLOCK_BOOTTIME)))
            return std::chrono::seconds(seconds) + nanoseconds(nanos);
    }
    throw LockStoreError("the sqlite store found no line for the boot clock in /proc/self/timens_offsets");
}

nanoseconds readClock(clockid_t clock)
{
    timespec time{};
    if (::clock_gettime(clock, &time) != 0)
        throw LockStoreError("the sqlite store cannot read the system's clock " + std::to_string(clock));
    return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

} // namespace

HostClock::HostClock(const SQLiteHostClocks& sources) :
    _sources(sources), _bootId(sources.bootId ? sources.bootId() : readBootId()),
    _offset(sources.boottimeOffset ? sources.boottimeOffset() : readBoottimeOffset())
{
}

HostNow HostClock::now() const
{
    const auto boot = (_sources.boottime ? _sources.boottime() : readClock(CLOCK_BOOTTIME)) - _offset;
    const auto wall = _sources.wallClock ? _sources.wallClock() : std::chrono::floor<std::chrono::microseconds>(readClock(CLOCK_REALTIME));
    return {_bootId, {std::chrono::floor<Milliseconds>(boot).count(), wall.count()}, std::chrono::floor<Milliseconds>(wall).count()};
}

} // namespace Leasehold
