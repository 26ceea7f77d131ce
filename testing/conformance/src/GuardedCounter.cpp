#include "GuardedCounter.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace Leasehold
{
namespace
{

// All lines have one length, so that the position of the last one can be computed. Each is one write, so a kill leaves no partial line.
constexpr int lineLength = 34;
constexpr const char* lineFormat = "%016llx %016llx\n";

[[noreturn]] void fail(const std::string& what)
{
    throw std::runtime_error("the guarded counter cannot be " + what + ": " + std::strerror(errno));
}

/// Locks the file against all processes. The kernel unlocks it when the process is killed.
class FileLock
{
public:
    explicit FileLock(int file) : _file(file)
    {
        while (::flock(_file, LOCK_EX) != 0)
            if (errno != EINTR)
                fail("locked");
    }
    ~FileLock() { ::flock(_file, LOCK_UN); }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

private:
    int _file;
};

GuardedCounter::Step readLine(int file, long long number)
{
    std::array<char, lineLength + 1> line{};
    if (::pread(file, line.data(), lineLength, number * lineLength) != lineLength)
        fail("read");
    unsigned long long fence = 0, value = 0;
    if (std::sscanf(line.data(), "%llx %llx", &fence, &value) != 2)
        throw std::runtime_error("the guarded counter has a line that is none");
    return {fence, static_cast<long long>(value)};
}

long long countLines(int file)
{
    const auto size = ::lseek(file, 0, SEEK_END);
    if (size < 0)
        fail("measured");
    if (size % lineLength != 0)
        throw std::runtime_error("the guarded counter ends in a part of a line");
    return size / lineLength;
}

} // namespace

GuardedCounter::GuardedCounter(const std::string& path) : _file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600))
{
    if (_file < 0)
        fail("opened");
}

GuardedCounter::~GuardedCounter()
{
    ::close(_file);
}

long long GuardedCounter::value()
{
    const FileLock lock(_file);
    return last().value;
}

void GuardedCounter::set(Fence fence, long long value)
{
    write(fence, [this, value] { _value = value; });
}

std::vector<GuardedCounter::Step> GuardedCounter::history()
{
    const FileLock lock(_file);
    std::vector<Step> steps;
    const auto lines = countLines(_file);
    for (long long number = 0; number < lines; ++number)
        steps.push_back(readLine(_file, number));
    return steps;
}

void GuardedCounter::transact(const std::function<Fence(Fence highest)>& step)
{
    const FileLock lock(_file);
    const auto before = last();
    _value = before.value;
    const Step after{step(before.fence), _value};
    if (after == before)
        return;
    std::array<char, lineLength + 1> line{};
    std::snprintf(line.data(), line.size(), lineFormat, static_cast<unsigned long long>(after.fence),
                  static_cast<unsigned long long>(after.value));
    if (::write(_file, line.data(), lineLength) != lineLength)
        fail("written");
}

GuardedCounter::Step GuardedCounter::last() const
{
    const auto lines = countLines(_file);
    return lines == 0 ? Step{} : readLine(_file, lines - 1);
}

} // namespace Leasehold
