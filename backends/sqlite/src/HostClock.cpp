#include "HostClock.h"

#include "Leasehold/Exceptions.h"

#include <array>
#include <ctime>
#include <fstream>
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
    std::ifstream in(file);
    std::string id;
    if (!(in >> id))
        throw LockStoreError(std::string("the sqlite store cannot read ") + file +
                             ", by which it tells one boot of the machine from another; mount /proc");
    return id;
}

std::string linkTarget(const char* link)
{
    std::array<char, 64> target{};
    const auto length = ::readlink(link, target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

/// The file tells the offsets of the namespace in which children will live. They are ours as well, unless this very process
/// has asked for a new namespace; then nothing tells what ours are.
nanoseconds readBoottimeOffset()
{
    std::ifstream in("/proc/self/timens_offsets");
    if (!in)
        return nanoseconds::zero(); // a kernel without time namespaces
    if (linkTarget("/proc/self/ns/time") != linkTarget("/proc/self/ns/time_for_children"))
        throw LockStoreError("the sqlite store cannot be used by a process that asked for a new time namespace and is not in it itself; "
                             "use it in a child process");
    for (std::string line; std::getline(in, line);)
    {
        std::istringstream fields(line);
        std::string clock;
        long long seconds = 0, rest = 0;
        if (fields >> clock >> seconds >> rest && (clock == "boottime" || clock == std::to_string(CLOCK_BOOTTIME)))
            return std::chrono::seconds(seconds) + nanoseconds(rest);
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
