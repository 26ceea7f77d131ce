#pragma once

#include "Leasehold/ChildProcess.h"
#include "Leasehold/FaultSchedule.h"
#include "Leasehold/HistoryChecker.h"

#include <Poco/TemporaryFile.h>

#include <ios>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// Processes that use a few locks of one store, record what they observe, and update the files that the locks protect; and the faults that
/// hit them. Made and used on the main thread only.
class Workload
{
public:
    static constexpr std::size_t processes = 8;
    static constexpr std::size_t threads = 4; ///< of each process; they want the same lock at the same time
    static constexpr std::size_t locks = 5;

    /// Starts the processes, and returns when each has opened its store.
    Workload(std::string storeUrl, std::uint64_t seed);

    /// Carries out the schedule. `proxy` may be nullptr if the schedule has no network faults.
    void suffer(const std::vector<FaultStep>& schedule, FaultyProxy* proxy);

    /// Lets the processes work for so long.
    void work(Milliseconds duration);

    /// The times of all grants so far, from the histories, in no order. Reads only the lines since the last call.
    const std::vector<HostTime>& grants();
    /// Lets processes be killed and stopped for so long, then waits until locks are granted again. Returns the longest time without a grant
    /// since `began`. Throws Poco::RuntimeException if nothing is granted within two minutes.
    Milliseconds sufferUntilGranted(std::uint64_t seed, Milliseconds duration, HostTime began);

    /// Lets the processes finish their work and end, and judges their histories.
    HistoryFindings finish();

    std::size_t killed() const noexcept { return _killed; }
    std::size_t paused() const noexcept { return _paused; }

private:
    std::chrono::nanoseconds longestWithoutGrant(HostTime since);

    struct Worker
    {
        std::unique_ptr<ChildProcess> process{};
        std::size_t lives = 0;
        bool isPaused = false;
    };

    void start(std::size_t index);
    std::string historyOf(const std::string& name) const { return _folder.path() + "/" + name + ".history"; }

    const std::string _storeUrl;
    const std::uint64_t _seed;
    const Poco::TemporaryFile _folder;
    std::vector<Worker> _workers;
    std::vector<std::string> _names;                // of all worker processes so far, also of killed ones
    std::map<std::string, std::streamoff> _counted; // the part of each history that was read for _grants
    std::vector<HostTime> _grants;
    std::size_t _killed = 0, _paused = 0;
};

/// The path of the update file of a resource that a lock protects, in the folder of a workload.
std::string resourceFile(const std::string& folder, const std::string& lock, const std::string& resource);

/// The name of a workload's lock.
std::string workloadLock(std::size_t index);

} // namespace Leasehold
