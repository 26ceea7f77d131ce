#include "Wakeup.h"

#include "SystemError.h"

#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

namespace Leasehold::Tool
{

Wakeup::Wakeup() : _descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (!_descriptor)
        throwSystemError("cannot make an eventfd");
}

void Wakeup::wake() noexcept
{
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(_descriptor.get(), &one, sizeof one); // fails only when it is awake anyway
}

void Wakeup::clear() noexcept
{
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(_descriptor.get(), &count, sizeof count); // fails only when there was none
}

} // namespace Leasehold::Tool
