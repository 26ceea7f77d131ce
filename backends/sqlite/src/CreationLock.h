#pragma once

#include <string>

namespace Leasehold
{

class WaitBudget;

/// Excludes other processes while the database is created, by flock on its directory. If the directory cannot be opened, it does nothing:
/// SQLite's own locks still make the set-up atomic.
class CreationLock
{
public:
    /// Throws LockStoreUnavailable when the budget is spent first.
    CreationLock(const std::string& path, const WaitBudget& budget);
    ~CreationLock();
    CreationLock(const CreationLock&) = delete;
    CreationLock& operator=(const CreationLock&) = delete;

    bool isHeld() const { return _directory >= 0; }

private:
    int _directory = -1;
};

} // namespace Leasehold
