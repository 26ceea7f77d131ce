#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <initializer_list>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

namespace
{

std::int64_t nanosecondsNow()
{
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

volatile std::int64_t* termAt = nullptr;

void noteTerm(int)
{
    if (*termAt == 0)
        *termAt = nanosecondsNow();
}

} // namespace

/// `leasehold-sign-of-life FILE [mild]`: a command that ignores every signal that it can ignore (with `mild` it obeys all). Each
/// millisecond it writes three 64-bit numbers to FILE: the times of its start, of its last sign of life and of its first TERM, in
/// nanoseconds since 1970.
int main(int argc, char** argv)
{
    if (argc != 2 && argc != 3)
        return 64;
    if (argc == 2)
        for (const int number : {SIGHUP, SIGINT, SIGPIPE})
            ::signal(number, SIG_IGN);
    const int file = ::open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    constexpr std::size_t size = 3 * sizeof(std::int64_t);
    if (file < 0 || ::ftruncate(file, size) != 0)
        return 70;
    void* const page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        return 70;
    auto* const stamps = static_cast<volatile std::int64_t*>(page);
    termAt = stamps + 2;
    if (argc == 2)
        ::signal(SIGTERM, noteTerm);
    stamps[0] = nanosecondsNow();
    for (;;)
    {
        stamps[1] = nanosecondsNow();
        ::poll(nullptr, 0, 1);
    }
}
