#pragma once

#include <unistd.h>
#include <utility>

namespace Leasehold::Tool
{

/// Owns one file descriptor.
class Descriptor
{
public:
    Descriptor() = default;
    explicit Descriptor(int number) noexcept : _number(number) {}
    Descriptor(Descriptor&& other) noexcept : _number(std::exchange(other._number, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept
    {
        if (this != &other)
        {
            close();
            _number = std::exchange(other._number, -1);
        }
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(); }

    int get() const noexcept { return _number; }
    explicit operator bool() const noexcept { return _number >= 0; }

    void close() noexcept
    {
        if (_number >= 0)
            ::close(_number);
        _number = -1;
    }

private:
    int _number = -1;
};

} // namespace Leasehold::Tool
