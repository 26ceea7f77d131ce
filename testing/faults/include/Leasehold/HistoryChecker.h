#pragma once

#include "Leasehold/History.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace Leasehold
{

/// What was seen in the histories of many processes: what must not be (`violations`), and what is worth reporting.
struct HistoryFindings
{
    /// Of a resource that is not guarded: how many of the updates that it took it has kept.
    struct Updates
    {
        std::size_t accepted = 0, lost = 0;
    };

    std::vector<std::string> violations{}; ///< one sentence each; empty: all is well
    std::size_t violationsInAll = 0;       ///< more than are kept as sentences
    std::size_t grants = 0, heldSamples = 0, losses = 0, released = 0, unavailable = 0;
    std::size_t handedOn = 0; ///< of the grants: those that one thread of a process got from another without the storage
    std::size_t guardedWrites = 0, guardedRefusals = 0;
    std::map<std::string, Updates> unguarded{}; ///< by the name of the resource
    /// The longest time in which no lock was granted to anybody, between the first grant of all and the last.
    std::chrono::nanoseconds longestWithoutGrant{};

    std::string describe() const;
};

/// Judges the histories of processes that worked the same locks. The name of the guarded resource is "guarded".
///
/// It requires, for each lock:
/// - *Exclusion.* A sample of isHeld() that was true, its time read before the call, is a moment at which that holder surely
///   believed. Between the first and the last such moment of one grant there is none of another grant.
/// - *Fences.* No two grants have the same fence; fences grow strictly in the order in which the grants were held, and a grant
///   that was asked for after another had been told has the greater one.
/// - *Losses.* What was lost (a false sample, a told loss) is never held again; whoever sees a false sample is told.
/// - *The guarded resource.* Every update that it accepted is in it, once; nothing is in it that nobody wrote; the fences of
///   its updates never fall.
/// - Nothing is written down as failed.
class HistoryChecker
{
public:
    /// The history of one process, by a name that is shown in messages.
    void add(const std::string& process, std::vector<HistoryLine> lines);

    /// What a resource of a lock contained at the end: the ids of updates, in the order in which they were written.
    void addResource(const std::string& lock, const std::string& resource, std::vector<std::string> ids);

    HistoryFindings check() const;

private:
    std::map<std::string, std::vector<HistoryLine>> _histories;
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> _resources; // by lock and name
};

} // namespace Leasehold
