#pragma once

#include "Leasehold/History.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace Leasehold
{

/// The findings in the histories of many processes: forbidden events (`violations`), and counts to report.
struct HistoryFindings
{
    /// The updates of an unguarded resource: how many it accepted, and how many it still has.
    struct Updates
    {
        std::size_t accepted = 0, lost = 0;
    };

    std::vector<std::string> violations{}; ///< one sentence each; empty: there is none
    std::size_t grants = 0, heldSamples = 0, losses = 0, released = 0, releasesRefused = 0, unavailable = 0;
    std::size_t handedOn = 0; ///< the grants that one thread of a process handed to another without the storage
    std::size_t guardedWrites = 0, guardedRefusals = 0;
    std::map<std::string, Updates> unguarded{}; ///< by the name of the resource
    /// The longest time without any grant, between the first and the last grant.
    std::chrono::nanoseconds longestWithoutGrant{};

    /// All of it, and the first of the violations.
    std::string describe() const;
};

/// Judges the histories of processes that used the same locks. The name of the guarded resource is "guarded".
///
/// It requires, for each lock:
/// - *Exclusion.* A true sample of isHeld(), whose time was read before the call, is a moment at which the holder relied on the lock.
/// Between
///   the first and the last such moment of one grant there is none of another grant.
/// - *Fences.* No two grants have the same fence. Fences grow strictly in the order in which the grants were held. A grant that was
/// requested
///   after another had been answered has a greater fence.
/// - *Losses.* After a loss (a false sample or a told loss) a grant is never held again. A holder with a false sample is told of the loss.
/// - *The guarded resource.* It contains every accepted update once and nothing else. The fences of its updates never decrease.
/// - *Releases.* No release is refused while its lease is valid, unless an earlier release of the same grant had an unknown outcome.
/// - There is no event `failed`.
class HistoryChecker
{
public:
    /// Adds the history of one process. `name`: for messages.
    void add(const std::string& process, std::vector<HistoryLine> lines);

    /// Adds the final content of a lock's resource: the ids of its updates, in the order of writing.
    void addResource(const std::string& lock, const std::string& resource, std::vector<std::string> ids);

    HistoryFindings check() const;

private:
    std::map<std::string, std::vector<HistoryLine>> _histories;
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> _resources; // by lock and name
};

} // namespace Leasehold
