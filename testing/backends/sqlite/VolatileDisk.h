#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace Leasehold
{

/// While it lives, every database of this process that is opened lies on a disk that a power failure empties down to what was
/// synced: of each file it keeps what the file contained when it was last synced. One at a time.
class VolatileDisk
{
public:
    VolatileDisk();
    ~VolatileDisk();
    VolatileDisk(const VolatileDisk&) = delete;
    VolatileDisk& operator=(const VolatileDisk&) = delete;

    /// Writes the database `from`, with its log, to `to`, as a power failure at this moment would leave it.
    void leaveAfterPowerFailure(const std::string& from, const std::string& to) const;
    /// How often the file was synced.
    int syncsOf(const std::string& path) const;
    /// Calls `action` once, before the next sync takes effect, on the thread that syncs.
    void beforeNextSync(std::function<void()> action);

    /// The disk does not confirm the next sync.
    void failNextSync();

    /// For the layer below SQLite. False: the sync is to fail.
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
