#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace Leasehold
{

/// While it exists, each database that this process opens is on a disk that keeps only synced data after a power failure: each file has the
/// content of its last sync. Only one object at a time.
class VolatileDisk
{
public:
    VolatileDisk();
    ~VolatileDisk();
    VolatileDisk(const VolatileDisk&) = delete;
    VolatileDisk& operator=(const VolatileDisk&) = delete;

    /// Writes the database `from` with its log to `to`, in the state that a power failure at this moment would leave.
    void leaveAfterPowerFailure(const std::string& from, const std::string& to) const;
    /// The number of syncs of the file.
    int syncsOf(const std::string& path) const;
    /// Calls `action` once, before the next sync takes effect, on the thread that syncs.
    void beforeNextSync(std::function<void()> action);

    /// Makes the next sync fail.
    void failNextSync();

    /// Called by the layer below SQLite. False: the sync must fail.
    [[nodiscard]] bool willSync();
    void synced(const std::string& path);

private:
    mutable std::mutex _mutex;
    std::map<std::string, std::string> _safe;
    std::map<std::string, int> _syncs;
    std::function<void()> _beforeNextSync;
    bool _failsNextSync = false;
};

} // namespace Leasehold
