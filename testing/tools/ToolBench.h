#pragma once

#include "ToolProcess.h"

#include "Leasehold/LockManagerService.h"

#include <cstdint>
#include <memory>

struct sqlite3;

namespace Leasehold
{

/// A folder for one test, with a SQLite store in it unless the test has another store.
class ToolBench
{
public:
    explicit ToolBench(const std::string& storeUrl = {});
    ~ToolBench();
    ToolBench(const ToolBench&) = delete;
    ToolBench& operator=(const ToolBench&) = delete;

    std::string path(const std::string& name) const { return _folder + "/" + name; }
    const std::string& storeUrl() const { return _storeUrl; }

    /// `leasehold --store URL WORDS...`.
    ToolProcess tool(const std::vector<std::string>& words, ToolProcess::Options how = {}) const;
    /// Any program, by its path.
    ToolProcess program(const std::vector<std::string>& words, ToolProcess::Options how = {}) const;
    /// `leasehold run OPTIONS... NAME -- /bin/sh -c SCRIPT`. The script finds the folder in $1 and the sign of life in $2.
    ToolProcess run(const std::vector<std::string>& options, const std::string& name, const std::string& script,
                    ToolProcess::Options how = {}) const;

    /// A store object of this process for the same storage.
    LockManagerService& locks() { return *_locks; }

private:
    std::string _folder, _storeUrl;
    std::unique_ptr<LockManagerService> _locks;
};

/// Keeps the store's file locked against every writer, like a process that is stopped in the middle of a transaction.
class StoreBlocker
{
public:
    explicit StoreBlocker(const ToolBench& bench);
    ~StoreBlocker();
    StoreBlocker(const StoreBlocker&) = delete;
    StoreBlocker& operator=(const StoreBlocker&) = delete;

private:
    sqlite3* _connection = nullptr;
};

/// The content of the file of leasehold-sign-of-life, in nanoseconds since 1970; 0: not written yet.
struct SignOfLife
{
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::int64_t term = 0; ///< when it got its first TERM

    static SignOfLife read(const std::string& path);
};

/// Fails the test unless the file shows life within a minute.
void waitForLife(const std::string& path);
/// Whether that process has written nothing for 100 ms.
bool isStill(const std::string& path);

} // namespace Leasehold
