#pragma once

#include <string>

namespace Leasehold
{

class Patience;

/// Excludes other processes while the database is made: an flock of its directory. Where the directory cannot be opened for
/// that, it does nothing: SQLite's own locks still keep the set-up whole.
class CreationLock
{
public:
    /// Throws LockStoreUnavailable when the patience ends first.
    CreationLock(const std::string& path, const Patience& patience);
    ~CreationLock();
    CreationLock(const CreationLock&) = delete;
    CreationLock& operator=(const CreationLock&) = delete;

    bool isHeld() const { return _directory >= 0; }

private:
    int _directory = -1;
};

} // namespace Leasehold
