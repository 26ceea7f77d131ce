#pragma once

#include "Leasehold/FaultSchedule.h"
#include "Leasehold/HistoryChecker.h"
#include "Leasehold/TestProgram.h"

#include <Poco/TemporaryFile.h>

#include <ios>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold
{

/// Processes that work a few locks of one store, write down what they are told, and update the files that the locks protect; and
/// what is done to them. Made on the main thread, used by it alone.
class Workload
{
public:
    static constexpr std::size_t processes = 8;
    static constexpr std::size_t threads = 4; ///< of each process; they want the same lock at the same time
    static constexpr std::size_t locks = 5;

    /// Starts the processes; returns when each has opened its store.
    Workload(std::string storeUrl, std::uint64_t seed);

    /// Does what the schedule says, when it says it; `proxy` may be null if the schedule leaves the network alone.
    void suffer(const std::vector<FaultStep>& schedule, FaultyProxy* proxy);

    /// Lets them work for so long.
    void work(Milliseconds duration);

    /// When locks were granted so far, as the histories tell: in no order. Reads only what was written since the last call.
    const std::vector<HostTime>& grants();
    /// The longest time after that moment in which nobody was granted anything.
    std::chrono::nanoseconds longestWithoutGrant(HostTime since);

    /// Ends the processes, who finish what they do, and judges what they wrote down.
    HistoryFindings finish();

    std::size_t killed() const noexcept { return _killed; }
    std::size_t paused() const noexcept { return _paused; }

private:
    struct Worker
    {
        std::unique_ptr<TestProgram> process{};
        std::size_t lives = 0;
        bool isPaused = false;
    };

    void start(std::size_t index);
    std::string historyOf(const std::string& name) const { return _folder.path() + "/" + name + ".history"; }

    const std::string _storeUrl;
    const std::uint64_t _seed;
    const Poco::TemporaryFile _folder;
    std::vector<Worker> _workers;
    std::vector<std::string> _names;                // of all lives of all workers
    std::map<std::string, std::streamoff> _counted; // how much of each history was read for _grants
    std::vector<HostTime> _grants;
    std::size_t _killed = 0, _paused = 0;
};

/// The file of updates of a resource that a lock protects, in the folder of a workload.
std::string resourceFile(const std::string& folder, const std::string& lock, const std::string& resource);

/// The name of a workload's lock.
std::string workloadLock(std::size_t index);

} // namespace Leasehold
