#pragma once

#include <string>

namespace Leasehold
{

/// A file system of its own in a file, whose writes can be made to hang: a disk that fails for a while. Needs root and a loop device.
class FreezableDisk
{
public:
    /// Empty: this process may mount one; otherwise the reason. The first call moves the calling thread, and the programs that it starts,
    /// into a mount namespace of their own, so that nothing stays mounted when they end.
    static std::string whyNot();

    /// Throws std::runtime_error.
    FreezableDisk();
    ~FreezableDisk();
    FreezableDisk(const FreezableDisk&) = delete;
    FreezableDisk& operator=(const FreezableDisk&) = delete;

    /// Where it is mounted.
    const std::string& path() const { return _mount; }

    /// From now on every write and sync hangs.
    void freeze();
    /// Lets them go on. May be called without freeze().
    void thaw();

private:
    std::string _folder;
    std::string _mount;
    int _descriptor = -1;
};

} // namespace Leasehold
